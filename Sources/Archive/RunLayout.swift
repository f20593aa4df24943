import LabCore

/// Where the evidence for each archived row lies in a run directory.
enum RunLayout {
    static let manifest = "manifest.json"
    static let config = "campaign.yaml"
    static let events = "events.jsonl"
    static let lock = "lock"
    /// The `Confirmation` of the whole campaign.
    static let confirmation = "confirmation.json"
    /// The policy's scores before any training.
    static let untrained = "untrained.json"
    /// Parent folders of all candidates' folders.
    static let candidateRoots = ["candidates", "catalogue"]
    /// Finished steps of the runner, by its own keys.
    static let steps = "steps.log"

    /// What model calls cost, written by whoever asks.
    static let spending = "spending.jsonl"
    static let readings = "readings.log"
    /// A file of calls a candidate.
    static let conversations = "conversations"
    /// Drawn beside the report, each time anew.
    static let pictures = ["frontier.svg"]

    /// Whether a person may delete a file and lose only what can be read in it.
    static func mayBeDeleted(_ key: String) -> Bool { key.hasPrefix("answers/") }

    /// Whether a file is added to at its end while the run lasts.
    static func grows(_ key: String) -> Bool {
        [events, steps, spending, readings].contains(key) || key.hasPrefix(conversations + "/")
            || key.hasSuffix("/trials.jsonl")
    }

    /// `candidates/0007-soft-margin` for a proposed loss, `catalogue/dpo` for a catalogue loss.
    static func folder(of id: CandidateID, name: String) -> String {
        guard id.number > 0 else { return "catalogue/\(slug(name))" }
        let digits = String(id.number)
        return "candidates/\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits)-\(slug(name))"
    }

    /// The loss in file form, as text.
    static func loss(in folder: String) -> String { "\(folder)/loss.py" }
    /// Everything the archive keeps about the loss, its proposal included: a `Candidate`.
    static func candidate(in folder: String) -> String { "\(folder)/candidate.json" }
    /// What each check of the screening measured: a `Screening`.
    static func screening(in folder: String) -> String { "\(folder)/screening.json" }
    /// Its trials, a `TrialRecord` a line. One file, since there may be ten trials a loss and ten thousand losses.
    static func trials(in folder: String) -> String { "\(folder)/trials.jsonl" }
    /// What a policy said in one trial and how it was graded, a dialogue a line. Only full-fidelity trials that this
    /// campaign ran itself have one.
    static func answers(of loss: String, _ spec: TrialSpec) -> String {
        "answers/\(slug(loss))/\(spec.slug)-\(spec.pairPool.rawValue)-\(spec.questionSet.rawValue).jsonl"
    }
    /// Stands for the name of a loss whose trials come before it.
    static let unrecorded = "unrecorded"

    /// Lower-case letters, digits, `_` and `-`, at most 40 of them; anything else becomes `-`.
    static func slug(_ name: String) -> String {
        let allowed = name.lowercased().unicodeScalars.map { scalar -> Character in
            switch scalar {
            case "a"..."z", "0"..."9", "_", "-": Character(scalar)
            default: "-"
            }
        }
        return allowed.isEmpty ? "loss" : String(allowed.prefix(40))
    }
}
