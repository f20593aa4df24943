import Foundation
import Synchronization
import Testing

@testable import ChatClient

@Suite struct BudgetTests {
    let server: ScriptedServer

    init() throws { server = try ScriptedServer.shared.get() }

    /// A dollar a token, so that figures are easy: the scripted server's replies cost 100 + 10 dollars.
    static let prices = PriceTable(["*": .init(prompt: 1e6, completion: 1e6, cached: 1e6)], source: "prices.yaml")

    private func client(_ budget: ChatBudget, concurrency: Int = 8, earlier: ChatTotals = .init()) throws -> ChatClient
    {
        var endpoint = server.endpoint()
        endpoint.concurrency = concurrency
        return try ChatClient(
            endpoint: endpoint, prices: Self.prices, ledger: ChatLedger(budget: budget, earlier: earlier))
    }

    /// At most 50 + 16 + 64 bytes of prompt and 50 tokens of reply: 180.
    private func request(_ model: String) -> ChatRequest { ask(model, String(repeating: "x", count: 50)) }

    @Test func dollarsAreNeverOvershotWhateverIsInFlight() async throws {
        let model = script("slow:0.05")
        // Room for three worst cases at the same time, and for nine calls as they really are.
        let client = try client(.init(usd: 1000), concurrency: 50)
        let kinds = try await withThrowingTaskGroup(of: ChatError.Kind?.self) { group in
            for _ in 0..<50 {
                group.addTask { try await chatError { try await client.complete(request(model)) }?.kind }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let spent = client.ledger.totals.total
        #expect(kinds.allSatisfy { $0 == nil || $0 == .budgetReached })
        #expect(kinds.count { $0 == nil } == spent.calls)
        // 110 each, and no call begins once less than 180 is left.
        #expect(spent.calls == 8 && spent.cost == 880)
        #expect(try await server.most(model) <= 5)
        #expect(try await server.seen(model).count == 8)
    }

    private final class Tally: Sendable {
        let amount = Mutex(Amount())
    }

    @Test(arguments: 1...20)
    func randomReservationsNeverPassTheBudget(seed: Int) async throws {
        let budget = ChatBudget(usd: 100, tokens: 5000, calls: 40)
        let ledger = ChatLedger(budget: budget)
        let inFlight = Tally()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<60 {
                let worst = Amount(usd: Double((number * 7 + seed) % 13), tokens: (number * 31 + seed) % 400, calls: 1)
                group.addTask {
                    guard let held = try? await ledger.reserve(worst, for: .init(step: "x"), model: "m") else { return }
                    inFlight.amount.withLock { amount in
                        amount = amount + worst
                        let spent = ledger.totals.total
                        let booked = Amount(
                            usd: spent.cost + spent.possibleCost, tokens: spent.tokens + spent.possibleTokens,
                            calls: spent.calls)
                        #expect((amount + booked).excess(over: budget) == nil)
                    }
                    await Task.yield()
                    let share = (number + seed) % 4
                    let call = ChatCall(
                        purpose: .init(step: "x"), endpoint: "e", model: "m",
                        usage: ChatUsage(promptTokens: worst.tokens * share / 3), cost: worst.usd * Double(share) / 3,
                        seconds: 0, outcome: "answered")
                    inFlight.amount.withLock { $0 = $0 - worst }
                    switch number % 5 {
                    case 0: ledger.release(held)
                    case 1: ledger.forfeit(held, call)
                    default: ledger.settle(held, call)
                    }
                }
            }
        }
        let spent = ledger.totals.total
        #expect(spent.cost + spent.possibleCost <= 100 + 1e-9)
        #expect(spent.calls <= 40)
        #expect(spent.calls > 5)
    }

    @Test func tokensAndCallsAreLimitsToo() async throws {
        for (budget, calls) in [(ChatBudget(tokens: 400), 3), (ChatBudget(calls: 2), 2)] {
            let client = try client(budget, concurrency: 1)
            let model = script("ok")
            for number in 0..<5 {
                let error = try await chatError { try await client.complete(request(model)) }
                #expect(error?.kind == (number < calls ? nil : .budgetReached))
            }
            #expect(client.ledger.totals.total.calls == calls)
        }
    }

    @Test func anInterruptedRunGoesOnWithWhatIsLeft() async throws {
        let first = try client(.init(usd: 400))
        let model = script("ok")
        let purpose = ChatPurpose(step: "write", campaign: "c", candidate: 3)
        _ = try await first.complete(request(model), for: purpose)
        _ = try await first.complete(request(model), for: purpose)
        let data = try JSONEncoder().encode(first.ledger.totals)
        let totals = try JSONDecoder().decode(ChatTotals.self, from: data)
        #expect(totals == first.ledger.totals && totals.total.cost == 220)

        let second = try client(.init(usd: 400), earlier: totals)
        _ = try await second.complete(request(model), for: purpose)
        let error = try await chatError { try await second.complete(request(model), for: purpose) }
        #expect(error?.kind == .budgetReached && error?.message.contains("raise the budget and resume") == true)
        let larger = try client(.init(usd: 600), earlier: second.ledger.totals)
        _ = try await larger.complete(request(model), for: purpose)
        #expect(larger.ledger.totals.rows.map(\.spending.calls) == [4])
    }

    @Test func spendingIsSummedByPurpose() async throws {
        let ledger = ChatLedger()
        let client = try ChatClient(endpoint: server.endpoint(), prices: Self.prices, ledger: ledger)
        let model = script("ok")
        for (step, candidate) in [("write", 1), ("repair", 1), ("write", 2)] {
            let reply = try await client.complete(
                request(model), for: ChatPurpose(step: step, campaign: "c", candidate: candidate))
            #expect(reply.cost == 110)
        }
        #expect(ledger.totals.sum { $0.step == "write" }.cost == 220)
        #expect(ledger.totals.sum { $0.candidate == 1 }.tokens == 220)
        #expect(ledger.totals.sum { $0.campaign == "d" } == ChatSpending())
    }

    @Test func aRequestWithoutAnAnswerCountsAtItsWorst() async throws {
        var endpoint = server.endpoint(retries: 0)
        endpoint.timeouts.firstByte = .milliseconds(200)
        let ledger = ChatLedger(budget: .init(usd: 300))
        let client = try ChatClient(endpoint: endpoint, prices: Self.prices, ledger: ledger)
        #expect(try await chatError { try await client.complete(request(script("hang"))) }?.kind == .timedOut)
        #expect(ledger.totals.total.possibleCost == 180)
        #expect(try await chatError { try await client.complete(request(script("ok"))) }?.kind == .budgetReached)
    }

    @Test func aWaitingCallGoesOnOnceAnotherTurnsOutCheap() async throws {
        let client = try client(.init(usd: 300))
        async let slow = client.complete(request(script("slow:0.3")))
        try await Task.sleep(for: .milliseconds(100))
        // 180 + 180 is too much while the first is in flight; 110 + 180 is not.
        let second = try await client.complete(request(script("ok")))
        #expect(second.cost == 110)
        #expect(try await slow.cost == 110)
    }

    @Test func aModelWithoutAPriceIsRefusedWhenDollarsAreLimited() async throws {
        let ledger = ChatLedger(budget: .init(usd: 1))
        let priced = PriceTable(["other": .init(prompt: 1, completion: 1)], source: "evaluation/prices.yaml")
        let remote = ChatEndpoint(name: "remote", baseURL: "http://models.invalid/v1")
        let client = try ChatClient(endpoint: remote, prices: priced, ledger: ledger)
        let error = try #require(try await chatError { try await client.complete(ask("mystery")) })
        #expect(error.kind == .configuration)
        #expect(error.message.contains("evaluation/prices.yaml") && error.message.contains("\"mystery\": {prompt"))
        let local = try ChatClient(endpoint: server.endpoint(), prices: priced, ledger: ledger)
        #expect(try await local.complete(ask(script("ok"))).cost == nil)
        #expect(ledger.totals.total.unpriced == 1)
    }

    @Test func withABudgetEveryRequestHasALimitOfTokens() async throws {
        let model = script("ok")
        _ = try await client(.init(usd: 1e6)).complete(ask(model, maxTokens: nil))
        _ = try await ChatClient(endpoint: server.endpoint()).complete(ask(model, maxTokens: nil))
        #expect(try await server.seen(model).map(\.body.maxTokens) == [4096, nil])
    }
}
