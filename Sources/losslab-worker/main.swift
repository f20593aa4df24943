print("losslab-worker")
