"""Speed, measured side by side with the usual way."""
