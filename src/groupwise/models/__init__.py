"""ResNeXt and its family: networks built from values, never from a recipe or a global."""
