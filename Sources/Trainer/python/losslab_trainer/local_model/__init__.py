"""Language models that come with the lab: fetched as GGUF files, served by llama.cpp on this machine."""
