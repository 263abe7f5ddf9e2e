"""Turns a run into what other programs use: a bundle, ONNX, int8, and the folders of torch's libraries."""
