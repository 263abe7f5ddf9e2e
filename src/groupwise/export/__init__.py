"""A run for other programs: a bundle, ONNX, int8, and the folders of torch's libraries."""
