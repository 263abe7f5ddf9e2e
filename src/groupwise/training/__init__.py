"""The training loop and its state: trainer, callbacks, step, optimizer, schedule, checkpoints."""
