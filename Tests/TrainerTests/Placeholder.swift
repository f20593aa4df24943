// TrainerTests: placeholder until its first test lands.
