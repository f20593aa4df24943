import Foundation
import Testing

@testable import ChatClient

/// What servers say that a call has used, believed or not.
@Suite struct UsageTests {
    let server: ScriptedServer

    init() throws { server = try ScriptedServer.shared.get() }

    /// Ten dollars for a million tokens of either kind.
    private static let prices = PriceTable(["*": .init(prompt: 10, completion: 10)], source: "prices.yaml")

    private func client(
        _ ledger: ChatLedger = .init(), context: Int? = nil, notes: Notes = Notes()
    ) throws -> ChatClient {
        var endpoint = server.endpoint(retries: 0)
        endpoint.contextTokens = context
        return try ChatClient(endpoint: endpoint, prices: Self.prices, ledger: ledger, notes: notes.take)
    }

    @Test(arguments: [
        "4611686018427387904/10", "10/4611686018427387904", "9223372036854775807/9223372036854775807",
        "10/10/9223372036854775807", "100/5000", "0/0", "100000/10", "100/10/2000000",
    ])
    func countsThatCannotBeAreEstimatedAndMarked(_ told: String) async throws {
        let (ledger, notes) = (ChatLedger(), Notes())
        let client = try client(ledger, notes: notes)
        for _ in 0..<2 {
            let reply = try await client.complete(ask(script("usage:\(told)"), maxTokens: 50))
            #expect(reply.usage.estimated && reply.usage.totalTokens < 100, "\(reply.usage)")
            #expect(try #require(reply.cost) < 0.001)
        }
        #expect(ledger.totals.total.estimated == 2)
        #expect(ledger.totals.total.cost < 0.002)
        #expect(notes.texts.allSatisfy { $0.contains("cannot be those of what was sent and answered") })
        #expect(!notes.texts.isEmpty)
    }

    @Test func thoughtsThatStandOnlyInTheTotalAreBookedOnce() async throws {
        let ledger = ChatLedger()
        let client = try client(ledger)
        let hidden = try await client.complete(ask(script("usage:40/100/27140"), maxTokens: 200))
        #expect(hidden.usage == ChatUsage(promptTokens: 40, completionTokens: 27_100))
        #expect(abs(try #require(hidden.cost) - 0.2714) < 1e-12)
        let whole = try await client.complete(ask(script("usage:40/100/140"), maxTokens: 200))
        #expect(whole.usage == ChatUsage(promptTokens: 40, completionTokens: 100))
        let less = try await client.complete(ask(script("usage:40/100/0"), maxTokens: 200))
        #expect(less.usage == ChatUsage(promptTokens: 40, completionTokens: 100))
        #expect(ledger.totals.total.completionTokens == 27_300)
    }

    @Test func whatAModelsContextCannotHoldIsNotBelieved() async throws {
        let reply = try await client(context: 8_192).complete(ask(script("usage:40/100/27140"), maxTokens: 200))
        #expect(reply.usage.estimated)
    }

    @Test func countsOfAFileThatPassAllBoundsEndNoRun() async throws {
        var spending = ChatSpending()
        spending.calls = 1
        spending.promptTokens = 1 << 62
        spending.completionTokens = 1 << 62
        let row = ChatTotals.Row(purpose: .init(step: "write"), model: "m", spending: spending)
        let ledger = ChatLedger(budget: .init(tokens: 1_000), earlier: ChatTotals(rows: [row, row]))
        #expect(ledger.totals.total.promptTokens == .max && ledger.totals.total.tokens == .max)
        let error = try await chatError { try await client(ledger).complete(ask(script("ok"))) }
        #expect(error?.kind == .budgetReached)
        let old = #"{"promptTokens":9223372036854775807,"completionTokens":-5,"cachedTokens":0,"estimated":false}"#
        let usage = try JSONDecoder().decode(ChatUsage.self, from: Data(old.utf8))
        #expect(usage.totalTokens == 1 << 40)
    }

    @Test func sumsStayAtTheEndOfTheNumbers() {
        #expect(Int.max.plus(1) == .max && Int.min.plus(-1) == .min && 2.plus(3) == 5)
        #expect(Int.min.minus(1) == .min && Int.max.minus(-1) == .max && 2.minus(3) == -1)
        #expect(Int.max.times(2) == .max && Int.max.times(-2) == .min && (-3).times(-4) == 12)
    }
}
