import Foundation
import Testing

@testable import ChatClient

/// What a killed process leaves behind about its money.
@Suite struct SpendingFileTests {
    private let path = FileManager.default.temporaryDirectory.appending(path: "spending-\(UUID().uuidString).jsonl")
        .path
    private let purpose = ChatPurpose(step: "write", campaign: "c", candidate: 3)

    private func call(_ outcome: String, cost: Double) -> ChatCall {
        ChatCall(
            purpose: purpose, endpoint: "e", model: "m", usage: ChatUsage(promptTokens: 30, completionTokens: 10),
            cost: cost, seconds: 1, outcome: outcome)
    }

    @Test func whatWasOnItsWayAtAKillCountsAsSpentAtItsMost() async throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let budget = ChatBudget(usd: 10, tokens: 1_000, calls: 3)
        let killed = ChatLedger(budget: budget, file: try SpendingFile(path))
        let worst = Amount(usd: 4, tokens: 300, calls: 1)
        let answered = try await killed.reserve(worst, for: purpose, model: "m")
        killed.settle(answered, call("answered", cost: 1))
        _ = try await killed.reserve(worst, for: purpose, model: "m")
        // Here the process ends; a new one reads the file.
        let content = SpendingFile.read(path)
        #expect(content.open.calls == 1 && content.open.possibleCost == 4 && content.open.possibleTokens == 300)
        let total = content.totals.total
        #expect(total.calls == 2 && total.cost == 1 && total.possibleCost == 4 && total.tokens == 40)

        let resumed = ChatLedger(budget: budget, file: try SpendingFile(path))
        let third = try await resumed.reserve(worst, for: purpose, model: "m")
        resumed.settle(third, call("answered", cost: 2))
        let refused = await #expect(throws: ChatError.self) {
            try await resumed.reserve(Amount(usd: 0, tokens: 0, calls: 1), for: purpose, model: "m")
        }
        #expect(refused?.kind == .budgetReached)
        // The new one's numbers are others, so the old request stays open.
        #expect(SpendingFile.read(path).open.calls == 1)
        #expect(SpendingFile.read(path).totals.total.cost == 3)
        #expect(resumed.totals.total == SpendingFile.read(path).totals.total)
    }

    @Test func everyWayARequestEndsClosesItsReservation() async throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let ledger = ChatLedger(file: try SpendingFile(path))
        let worst = Amount(usd: 4, tokens: 300, calls: 1)
        ledger.release(try await ledger.reserve(worst, for: purpose, model: "m"))
        #expect(SpendingFile.read(path).totals.total == ChatSpending())
        ledger.forfeit(try await ledger.reserve(worst, for: purpose, model: "m"), call("unanswered", cost: 4))
        ledger.replay(call("replayed", cost: 0))
        let content = SpendingFile.read(path)
        #expect(content.open == ChatSpending())
        #expect(content.totals.total.unanswered == 1 && content.totals.total.possibleTokens == 300)
        #expect(content.totals.total.replayed == 1 && content.totals.total == ledger.totals.total)
    }

    @Test func aLineThatAKillCutOffSpoilsNoOther() async throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let first = ChatLedger(file: try SpendingFile(path))
        first.settle(
            try await first.reserve(Amount(usd: 1, tokens: 9, calls: 1), for: purpose, model: "m"),
            call("answered", cost: 1))
        var data = try Data(contentsOf: URL(filePath: path))
        data.append(Data(#"{"reserved":{"number":2,"pur"#.utf8))
        try data.write(to: URL(filePath: path))
        let second = ChatLedger(file: try SpendingFile(path))
        second.settle(
            try await second.reserve(Amount(usd: 1, tokens: 9, calls: 1), for: purpose, model: "m"),
            call("answered", cost: 0.5))
        let content = SpendingFile.read(path)
        #expect(content.totals.total.cost == 1.5 && content.totals.total.calls == 2 && content.open.calls == 0)
    }

    @Test func nothingIsSentThatCannotBeWrittenDown() async throws {
        #expect(throws: ChatError.self) { try SpendingFile("/nowhere/spending.jsonl") }
        let full = SpendingFile("/dev/full", descriptor: open("/dev/full", O_WRONLY))
        let ledger = ChatLedger(budget: .init(), earlier: .init(), writing: full)
        let server = try ScriptedServer.shared.get()
        let client = try ChatClient(endpoint: server.endpoint(), ledger: ledger)
        let model = script("ok")
        let error = try await chatError { try await client.complete(ask(model)) }
        #expect(error?.kind == .configuration && error?.message.contains("/dev/full") == true)
        #expect(try await server.seen(model).isEmpty)
    }

    @Test func theReservationIsThereBeforeTheServerIsAsked() async throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let server = try ScriptedServer.shared.get()
        let client = try ChatClient(
            endpoint: server.endpoint(), prices: BudgetTests.prices, ledger: ChatLedger(file: try SpendingFile(path)))
        let model = script("held")
        async let held = client.complete(ask(model), for: purpose)
        try await server.waitUntilAsked(model)
        #expect(SpendingFile.read(path).open.calls == 1 && SpendingFile.read(path).open.possibleCost > 100)
        try await server.release(model)
        #expect(try await held.cost == 110)
        #expect(SpendingFile.read(path).open.calls == 0 && SpendingFile.read(path).totals.total.cost == 110)
        // No text of a request or a reply is in it.
        #expect(try !String(contentsOfFile: path, encoding: .utf8).contains("content"))
    }
}
