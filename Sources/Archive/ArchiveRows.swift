public import LabCore

/// One loss of one campaign, as `archive list` shows it. Absent numbers are `null` in JSON, never left out.
public struct LossRow: Codable, Sendable, Equatable {
    public let campaign: String
    public let id: CandidateID
    public let name: String
    public let origin: LossOrigin
    public let arm: SearchArm
    /// `scored`, `rejected`, `duplicate` or `failed`, and what explains it.
    public let status: String
    public let reason: String?
    public let score: Double?
    public let standardError: Double?
    public let greedy: Double?
    public let kl: Double?
    public let learningRate: Double?
    public let beta: Double?
    /// Trainings spent on tuning it.
    public let trials: Int
    /// Paired: the same seeds and questions, both losses at their best setting.
    public let differenceFromDPO: Double?
    public let differenceFromDPOStandardError: Double?
    /// Whether it was retrained with fresh seeds on fresh pairs and graded on held-out questions.
    public let confirmed: Bool
    public let confirmedScore: Double?
    public let confirmedStandardError: Double?

    /// Names of the values in the order of `textValues`, which are those of the JSON keys.
    public static let columns = CodingKeys.allCases.map(\.rawValue)

    enum CodingKeys: String, CodingKey, CaseIterable {
        case campaign, id, name, origin, arm, status, reason, score, standardError, greedy, kl, learningRate, beta
        case trials, differenceFromDPO, differenceFromDPOStandardError, confirmed, confirmedScore
        case confirmedStandardError
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(campaign, forKey: .campaign)
        try container.encode(id, forKey: .id)
        try container.encode(name, forKey: .name)
        try container.encode(origin, forKey: .origin)
        try container.encode(arm, forKey: .arm)
        try container.encode(status, forKey: .status)
        try container.encode(reason, forKey: .reason)
        try container.encode(score, forKey: .score)
        try container.encode(standardError, forKey: .standardError)
        try container.encode(greedy, forKey: .greedy)
        try container.encode(kl, forKey: .kl)
        try container.encode(learningRate, forKey: .learningRate)
        try container.encode(beta, forKey: .beta)
        try container.encode(trials, forKey: .trials)
        try container.encode(differenceFromDPO, forKey: .differenceFromDPO)
        try container.encode(differenceFromDPOStandardError, forKey: .differenceFromDPOStandardError)
        try container.encode(confirmed, forKey: .confirmed)
        try container.encode(confirmedScore, forKey: .confirmedScore)
        try container.encode(confirmedStandardError, forKey: .confirmedStandardError)
    }

    /// The values as text, empty where absent; numbers read back to the same value.
    public var textValues: [String] {
        func text(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
        return [
            campaign, "\(id)", name, origin.rawValue, arm.rawValue, status, reason ?? "", text(score),
            text(standardError), text(greedy), text(kl), text(learningRate), text(beta), "\(trials)",
            text(differenceFromDPO), text(differenceFromDPOStandardError), "\(confirmed)", text(confirmedScore),
            text(confirmedStandardError),
        ]
    }
}

/// One campaign, as `campaign list` shows it.
public struct CampaignRow: Codable, Sendable, Equatable {
    public let name: String
    public let world: String?
    public let started: String?
    /// Losses proposed, and those of them that were scored; the catalogue is not counted.
    public let candidates: Int
    public let scored: Int
    public let trials: Int
    public let verdict: Verdict?
    public let winner: String?
}

/// A loss among its ancestors and descendants within its campaign, nearest first.
public struct Lineage: Codable, Sendable, Equatable {
    public let loss: LineageNode
    public let ancestors: [LineageNode]
    public let descendants: [LineageNode]
}

public struct LineageNode: Codable, Sendable, Equatable {
    public let id: CandidateID
    public let name: String
    public let arm: SearchArm
    /// How it was made from its parents.
    public let operation: String
    public let parents: [CandidateID]
    public let status: String
    public let score: Double?
    public let standardError: Double?
    /// Steps between parent and child to the loss asked about; the least, where there are several ways.
    public let distance: Int
}
