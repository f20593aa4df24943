// Archive: placeholder until its first file lands.
