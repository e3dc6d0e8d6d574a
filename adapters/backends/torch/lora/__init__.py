"""LoRA files: small changes to the weights of a checkpoint, in the layouts that trainers write."""
