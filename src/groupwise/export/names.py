"""The names of forms and engines, which a command refuses others by before any of them is loaded."""

BUNDLES = ("bundle", "int8")
PHONES = ("litert", "executorch")  # forms, and the engines that read them
ENGINES = ("onnxruntime", "openvino", "ncnn", "opencv", "mnn", "tract", *PHONES)
FORMS = ("bundle", "onnx", "int8", "torch", "timm", "hub", "torchvision", *PHONES)
