import LabCore
import LabTesting

@testable import CampaignRunner

extension TrialKeys {
    static let forTests = TrialKeys(hash: { String(stableHash($0), radix: 16) }, environment: { _ in "" })
}

extension StageLimits {
    /// Retries without waiting.
    static var forTests: StageLimits {
        var limits = StageLimits()
        limits.retryDelay = .zero
        return limits
    }
}
