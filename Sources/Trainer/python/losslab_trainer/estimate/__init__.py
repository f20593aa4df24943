"""What a fine-tuning will need before it starts: memory part by part, and time."""
