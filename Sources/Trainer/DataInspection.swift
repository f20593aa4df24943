/// What a set of preference pairs holds: `rows == usable + unusable.count`.
public struct DataInspection: Codable, Sendable {
    /// What was found about one row, counted from 0 in the order of the source.
    public struct Finding: Codable, Sendable {
        public let row: Int
        /// One word of a fixed set.
        public let reason: String
        public let explanation: String
    }

    /// Summary of counts, one a row.
    public struct Spread: Codable, Sendable {
        public let mean: Double
        public let median: Double
        public let p95: Int
        public let max: Int
        public let total: Int
    }

    public struct Lengths: Codable, Sendable {
        public let unit: String
        public let prompt: Spread?
        public let chosen: Spread?
        public let rejected: Spread?
    }

    /// Token counts after truncation.
    public struct Tokens: Codable, Sendable {
        public struct Truncated: Codable, Sendable {
            public let pairs: Int
            public let chosen: Int
            public let rejected: Int
            public let prompts: Int
            /// Left out in all.
            public let tokens: Int
        }

        public let prompt: Spread?
        public let chosen: Spread?
        public let rejected: Spread?
        /// Prompt and the longer answer.
        public let longer: Spread?
        public let maxLength: Int?
        public let truncated: Truncated
        public let dropped: Int
        /// Rows where tokens merge across the end of the prompt.
        public let merged: Int
    }

    public struct Compared: Codable, Sendable {
        public let name: String
        public let usable: Int
        public let shared: Int
    }

    public struct SharedPrompt: Codable, Sendable {
        public let prompt: String
        public let rows: [Int]
        public let `in`: String
        public let inRows: [Int]
    }

    public struct Message: Codable, Sendable {
        /// Empty for plain text.
        public let role: String
        public let content: String
        /// What else the chat template gets, such as tool calls, as JSON; `nil` for nothing.
        public let fields: String?
    }

    public struct Sample: Codable, Sendable {
        public let row: Int
        public let prompt: [Message]
        public let chosen: [Message]
        public let rejected: [Message]
    }

    /// Some tokens in a row that are all trained on, or all only read.
    public struct Stretch: Codable, Sendable {
        /// Decoded, special tokens included.
        public let text: String
        public let trained: Bool
        public let tokens: Int
        public let ids: [Int]
    }

    /// One row as it is trained: both sequences, after the template and the cut.
    public struct AsTrained: Codable, Sendable {
        public let row: Int
        public let chosen: [Stretch]
        public let rejected: [Stretch]
    }

    /// A column that no part of a pair is read from.
    public struct UnusedColumn: Codable, Sendable {
        public let name: String
        /// In which it holds something.
        public let rows: Int
    }

    public let name: String
    public let layout: String
    public let rows: Int
    public let usable: Int
    public let unusable: [Finding]
    /// Kept, and worth a look.
    public let flagged: [Finding]
    public let lengths: Lengths
    public let tokens: Tokens?
    /// Share of the pairs of unequal length whose chosen answer is the longer one.
    public let longerWins: Double?
    public let compared: [Compared]
    public let sharedPrompts: [SharedPrompt]
    public let unusedColumns: [UnusedColumn]
    public let samples: [Sample]
    /// As many as were asked for, evenly from all that are usable.
    public let asTrained: [AsTrained]
    public let notes: [String]
}
