"""Weights and images in, answers out; torch or ONNX Runtime behind one interface."""
