import Archive
import ChatClient
import LabCore
import Proposer

/// The parts of a campaign around the reading of replies, so that a reply which brings the process down is given up.
struct WatchedReading {
    private let watch: ReadingWatch

    init(_ runDirectory: String) throws { watch = try ReadingWatch(runDirectory + "/readings.log") }

    /// The proposer, which gives a candidate up where its reading ended the process before.
    func proposer(_ proposer: any LossProposer) -> any LossProposer {
        WatchedProposer(proposer: proposer, watch: watch, turns: Turns())
    }

    /// A call means that what was read before is read.
    func service(_ service: any ChatService) -> any ChatService { WatchedService(service: service, watch: watch) }

    /// Every reply is written down here just before it is read, also one from the store.
    func log(_ log: any ConversationLog) -> any ConversationLog { WatchedLog(log: log, watch: watch) }
}

/// The draft failed: not by the loss's fault, and not to be tried again.
private struct UnreadableReply: Error, CustomStringConvertible {
    let deaths: Int
    var description: String {
        "the process ended \(deaths) times while a reply of the model was being read; the reply is in conversations/ and is "
            + "read no more"
    }
}

private struct WatchedProposer: LossProposer {
    let proposer: any LossProposer
    let watch: ReadingWatch
    let turns: Turns

    func propose(_ request: ProposalRequest) async throws -> LossProposal {
        let deaths = watch.deaths(of: request.number)
        guard deaths < ReadingWatch.mostDeaths else { throw UnreadableReply(deaths: deaths) }
        guard deaths > 0 else { return try await watched(request) }
        await turns.take()
        do {
            let proposal = try await watched(request)
            await turns.give()
            return proposal
        } catch {
            await turns.give()
            throw error
        }
    }

    private func watched(_ request: ProposalRequest) async throws -> LossProposal {
        do {
            let proposal = try await proposer.propose(request)
            try watch.end(request.number)
            return proposal
        } catch {
            try watch.end(request.number)
            throw error
        }
    }
}

private struct WatchedService: ChatService {
    let service: any ChatService
    let watch: ReadingWatch

    func complete(_ request: ChatRequest, for purpose: ChatPurpose) async throws -> ChatReply {
        if let candidate = purpose.candidate { try watch.end(candidate) }
        return try await service.complete(request, for: purpose)
    }
}

private struct WatchedLog: ConversationLog {
    let log: any ConversationLog
    let watch: ReadingWatch

    func append(_ exchange: Exchange) async throws {
        try await log.append(exchange)
        try watch.begin(exchange.candidate)
    }
}

/// One at a time, in the order in which they came.
private actor Turns {
    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func take() async {
        guard isTaken else {
            isTaken = true
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func give() {
        guard !waiting.isEmpty else {
            isTaken = false
            return
        }
        waiting.removeFirst().resume()
    }
}
