// Takes one picture with the camera of a computer or phone.

import { say } from "./words.js";

const QUALITY = 0.95;

/** Open the viewfinder; `onPicture` gets a file, `onRefused` a sentence. */
export function prepareCamera({ onPicture, onRefused }) {
  const dialog = document.getElementById("viewfinder");
  const video = document.getElementById("video");
  const button = document.getElementById("camera");
  button.hidden = !navigator.mediaDevices?.getUserMedia; // browsers give it to https and to this machine only

  button.addEventListener("click", async () => {
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      dialog.showModal();
    } catch (error) {
      onRefused(say("camera-refused", { why: error.name }));
    }
  });
  document.getElementById("leave").addEventListener("click", () => dialog.close());
  document.getElementById("shoot").addEventListener("click", async () => {
    onPicture(await take(video));
    dialog.close();
  });
  dialog.addEventListener("close", () => {
    for (const track of video.srcObject?.getTracks() ?? []) track.stop();
    video.srcObject = null;
  });
}

async function take(video) {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  return new File([blob], `camera-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.jpg`);
}
