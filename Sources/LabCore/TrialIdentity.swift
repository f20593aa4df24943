/// Everything that decides a trial's result, by name. Its key names the stored result: another ingredient, another key.
///
/// Every score of the lab is stored under such a key, whoever asked for it.
public struct TrialIdentity: Sendable, Equatable {
    /// Texts as they are, contents and code as SHA-256.
    public let ingredients: [String: String]

    public init(_ ingredients: [String: String]) {
        self.ingredients = ingredients
    }

    /// - Parameter kind: what is stored, such as `trial`; the first part of the key.
    public func key(_ kind: String) -> String {
        // Lengths stand first, so that no text can pass for the end of one ingredient and the beginning of another.
        let lines = ingredients.sorted { $0.key < $1.key }.map { name, value in
            "\(name) \(value.utf8.count) \(value)\n"
        }
        return "\(kind)/" + ContentHash.sha256(lines.joined())
    }
}

/// What all trials of an experiment have in common: the engine that runs them, the grounds they train on, who grades.
public struct ExperimentIdentity: Sendable {
    /// Code and libraries that train, answer and grade.
    public var engine: [String: String]
    /// Policy, pairs, questions and settings of each ground, by its name.
    public var grounds: [String: [String: String]]
    /// The judge of each ground's answers.
    public var judges: [String: [String: String]]
    /// Code that screens.
    public var screening: [String: String]
    /// As the pipeline that runs the trials has it.
    public var gradesSmoke: Bool

    public init(
        engine: [String: String] = [:], grounds: [String: [String: String]] = [:],
        judges: [String: [String: String]] = [:], screening: [String: String] = [:], gradesSmoke: Bool = true
    ) {
        self.engine = engine
        self.grounds = grounds
        self.judges = judges
        self.screening = screening
        self.gradesSmoke = gradesSmoke
    }

    /// The identity of one trial.
    ///
    /// Fidelity is not among it: a training that the proxy rung did is the same training in the full rung. Only a smoke
    /// trial that is not graded is another than a graded one.
    public func trial(of loss: LossSource, as spec: TrialSpec) -> TrialIdentity {
        var all = [
            "ground": spec.world, "loss": loss.text, "learning rate": "\(spec.setting.learningRate)",
            "beta": "\(spec.setting.beta)", "seed": "\(spec.seed)", "pair pool": spec.pairPool.rawValue,
            "question set": spec.questionSet.rawValue, "pairs": "\(spec.pairCount)", "epochs": "\(spec.epochs)",
        ]
        if !gradesSmoke, spec.fidelity == .smoke { all["grading"] = "none" }
        for (name, value) in engine { all["engine: \(name)"] = value }
        for (name, value) in grounds[spec.world] ?? [:] { all["ground: \(name)"] = value }
        for (name, value) in judges[spec.world] ?? [:] { all["judge: \(name)"] = value }
        return TrialIdentity(all)
    }

    /// Names the stored outcome of a trial.
    public func key(of loss: LossSource, _ spec: TrialSpec) -> String { trial(of: loss, as: spec).key("trial") }

    /// Names the stored screening of a text, which no setting or ground changes.
    public func screeningKey(of text: String) -> String {
        var all = ["loss": text]
        for (name, value) in screening { all["engine: \(name)"] = value }
        return TrialIdentity(all).key("screening")
    }

    /// The same experiment graded by another judge, whose grading of smoke trials would cost.
    public func graded(by judge: [String: String]) -> ExperimentIdentity {
        var other = self
        other.judges = grounds.mapValues { _ in judge }
        other.gradesSmoke = false
        return other
    }
}
