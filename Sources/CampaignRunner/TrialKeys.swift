public import LabCore

/// Names a trial by everything that decides its result, so that equal trainings are done once.
///
/// Fidelity is not among it: a training that the proxy rung did is the same training in the full rung. Only a smoke
/// trial that is not graded is another than a graded one.
public struct TrialKeys: Sendable {
    private let gradesSmoke: Bool
    private let hash: @Sendable (String) -> String
    private let environment: @Sendable (_ world: String) -> String

    /// - Parameters:
    ///   - hash: a content hash, such as SHA-256 in hexadecimal.
    ///   - gradesSmoke: as the pipeline that runs the trials has it.
    ///   - environment: what else decides a result in this world: hashes of its files, versions of trainer and judge.
    public init(
        hash: @escaping @Sendable (String) -> String, gradesSmoke: Bool = true,
        environment: @escaping @Sendable (_ world: String) -> String
    ) {
        self.hash = hash
        self.gradesSmoke = gradesSmoke
        self.environment = environment
    }

    public func key(of loss: LossSource, _ spec: TrialSpec) -> String {
        let ungraded = !gradesSmoke && spec.fidelity == .smoke
        let parts =
            [
                environment(spec.world), spec.world, "\(spec.setting.learningRate)", "\(spec.setting.beta)",
                "\(spec.seed)",
                spec.pairPool.rawValue, spec.questionSet.rawValue, "\(spec.pairCount)", "\(spec.epochs)", loss.text,
            ] + (ungraded ? ["ungraded"] : [])
        return "trial/" + hash(parts.joined(separator: "\u{1F}"))
    }

    /// The screening of a text, which no setting or world changes.
    public func screeningKey(of text: String) -> String {
        "screening/" + hash([environment(""), text].joined(separator: "\u{1F}"))
    }
}

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
