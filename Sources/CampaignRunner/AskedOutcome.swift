import LabCore

extension TrialOutcome {
    /// The same outcome as another rung asked for it.
    func asked(as spec: TrialSpec) -> TrialOutcome {
        guard case .scored(let result) = self, result.spec != spec else { return self }
        return .scored(
            TrialResult(
                spec: spec, questionScores: result.questionScores, greedyScores: result.greedyScores, kl: result.kl,
                metrics: result.metrics, seconds: result.seconds, weightsHash: result.weightsHash))
    }
}
