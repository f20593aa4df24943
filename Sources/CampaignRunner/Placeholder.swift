// CampaignRunner: placeholder until its first file lands.
