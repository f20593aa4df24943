public import LabCore

/// A loss for tests: its text says how good it really is and how it behaves, so that the fakes need no shared state.
public struct FakeLoss: Sendable, Equatable {
    public enum Behaviour: String, Sendable, CaseIterable {
        case sound
        /// Refused by screening.
        case refused
        /// Accepted by screening, rejected in every training.
        case diverges
        /// Rejected at the highest learning rate only.
        case divergesWhenHot
        /// Training never returns and ignores cancellation.
        case hangs
        /// Training throws every time: our fault.
        case crashes
        /// Training throws once, then works.
        case flaky
        /// Screening throws every time.
        case crashesScreening
    }

    public let name: String
    /// True judge score at the best setting.
    public let value: Double
    public let behaviour: Behaviour
    /// Equal shapes are the same loss by fingerprint.
    public let shape: String

    public init(name: String, value: Double, behaviour: Behaviour = .sound, shape: String? = nil) {
        self.name = name
        self.value = value
        self.behaviour = behaviour
        self.shape = shape ?? name
    }

    public var text: String {
        """
        # fake \(name) \(value) \(behaviour.rawValue) \(shape)
        def loss(policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps, beta):
            return policy_rejected_logps - policy_chosen_logps

        """
    }

    /// Reads the first line back; `nil` for any other text.
    public init?(text: String) {
        let words = text.prefix { $0 != "\n" }.split(separator: " ")
        guard words.count == 6, words[1] == "fake", let value = Double(words[3]),
            let behaviour = Behaviour(rawValue: String(words[4]))
        else { return nil }
        self.init(name: String(words[2]), value: value, behaviour: behaviour, shape: String(words[5]))
    }

    public func source(origin: LossOrigin = .baseline, isControl: Bool = false) -> LossSource {
        LossSource(name: name, text: text, origin: origin, beta: 0.05, isControl: isControl)
    }
}

/// A number that depends on the text alone, the same in every process (FNV-1a; `Hasher` is seeded anew each time).
public func stableHash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}
