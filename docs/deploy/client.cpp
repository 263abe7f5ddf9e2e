// Answers a picture with ONNX Runtime alone: client FOLDER < PICTURE, decoded by a program of your own to binary PPM
// (jpegtopnm photo.jpg | client FOLDER). Build: g++ -std=c++17 client.cpp -I INCLUDE -L LIB -lonnxruntime -o client
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <vector>

int main(int, char** argv) {
  const std::string folder = argv[1];  // of: groupwise export RUN --to onnx --with-preprocessing
  std::string format;
  int64_t width = 0, height = 0, most = 0;
  std::cin >> format >> width >> height >> most;
  std::vector<uint8_t> rgb(width * height * 3);
  if (format != "P6" || most != 255 || !std::cin.ignore().read(reinterpret_cast<char*>(rgb.data()), rgb.size()))
    return std::cerr << "no whole PPM of 8 bits on the standard input\n", 1;
  Ort::Env env;
  Ort::Session session(env, (folder + "/model.onnx").c_str(), Ort::SessionOptions());
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  const int64_t shape[] = {height, width, 3};  // as large as it is: the model scales
  auto picture = Ort::Value::CreateTensor<uint8_t>(memory, rgb.data(), rgb.size(), shape, 3);
  const char *input = "picture", *output = "probabilities";
  auto found = session.Run(Ort::RunOptions(), &input, &picture, 1, &output, 1);
  const float* first = found[0].GetTensorData<float>();
  const float* best = std::max_element(first, first + found[0].GetTensorTypeAndShapeInfo().GetElementCount());
  std::ifstream classes(folder + "/classes.txt");
  std::string name;
  for (auto line = first; line <= best; ++line) std::getline(classes, name);
  std::cout << name << " " << *best << "\n";
}
