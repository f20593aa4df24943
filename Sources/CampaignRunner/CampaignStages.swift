public import LabCore

/// The stages a campaign is made of, as the composition root chose them.
public struct CampaignStages: Sendable {
    public let proposer: any LossProposer
    public let screener: any LossScreener
    /// Usually a `TrialPipeline` of trainer and judge.
    public let trials: any TrialRunner
    public let identity: ExperimentIdentity

    public init(
        proposer: any LossProposer, screener: any LossScreener, trials: any TrialRunner, identity: ExperimentIdentity
    ) {
        self.proposer = proposer
        self.screener = screener
        self.trials = trials
        self.identity = identity
    }
}

/// Where a campaign keeps what it does.
public struct CampaignStorage: Sendable {
    /// Candidates, trials and the confirmation, for people and pages.
    public let archive: any CandidateArchive
    /// Finished steps of this campaign: what resuming reads.
    public let steps: any StepStore
    /// Screenings and trials of catalogue losses by content, shared by all campaigns.
    public let cache: any StepStore

    public init(archive: any CandidateArchive, steps: any StepStore, cache: any StepStore) {
        self.archive = archive
        self.steps = steps
        self.cache = cache
    }
}
