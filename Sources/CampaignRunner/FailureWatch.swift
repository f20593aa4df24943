import LabCore
import Synchronization

/// Tells one unlucky candidate from a broken machine: many candidates failing in a row, none succeeding in between.
final class FailureWatch: Sendable {
    private struct State {
        var failed: [CandidateID: String] = [:]
        var inARow: Set<CandidateID> = []
    }

    private let state = Mutex(State())
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    func succeeded() {
        state.withLock { $0.inARow.removeAll() }
    }

    /// Notes a failure; throws when it is one too many.
    func failed(_ id: CandidateID, because reason: String) throws {
        let row = state.withLock { state in
            state.failed[id] = state.failed[id] ?? reason
            state.inARow.insert(id)
            return state.inARow.count
        }
        guard row < limit else {
            throw CampaignError(
                .systematicFailure,
                "\(row) losses in a row failed and not by their own fault, the last with \"\(reason)\"; "
                    + "finished work is stored: remove the cause, then resume the campaign")
        }
    }

    /// Why this candidate failed, if it has.
    func failure(of id: CandidateID) -> String? {
        state.withLock { $0.failed[id] }
    }

    /// Forgets the failures of candidates that are recorded, so that memory does not grow with the campaign.
    func forgetRecorded() {
        state.withLock { $0.failed.removeAll() }
    }
}
