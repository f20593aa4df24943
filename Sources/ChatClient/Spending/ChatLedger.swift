import Foundation
public import LabCore
import Synchronization

/// Books what calls use and cost, and lets none begin that could pass the budget.
///
/// A call sets its worst case aside before it is sent: every byte of the prompt a token, the reply as long as it may be.
/// So what is spent and what is in flight never pass the budget together, as long as servers keep to the limit of tokens
/// that they are sent and charge by the price table. Several clients may share a ledger.
public final class ChatLedger: Sendable {
    private struct Key: Hashable {
        let purpose: ChatPurpose
        let model: String
    }

    private struct Waiter {
        let id: UInt64
        let amount: Amount
        let continuation: CheckedContinuation<Answer, Never>
    }

    private enum Answer {
        case granted
        case refused(ChatError)
    }

    private struct State {
        var budget: ChatBudget
        var rows: [Key: ChatSpending] = [:]
        var spent = Amount()
        var reserved = Amount()
        var waiting: [Waiter] = []
        var lastID: UInt64 = 0
    }

    private let state: Mutex<State>
    private let file: SpendingFile?

    /// Goes on from what a file says was spent, and writes down there what comes.
    public convenience init(budget: ChatBudget = .init(), file: SpendingFile) {
        self.init(budget: budget, earlier: SpendingFile.read(file.path).totals, writing: file)
    }

    /// - Parameter earlier: what a run spent before it was interrupted; it counts towards the budget.
    public convenience init(budget: ChatBudget = .init(), earlier: ChatTotals = .init()) {
        self.init(budget: budget, earlier: earlier, writing: nil)
    }

    init(budget: ChatBudget, earlier: ChatTotals, writing file: SpendingFile?) {
        var state = State(budget: budget)
        for row in earlier.rows {
            state.rows[Key(purpose: row.purpose, model: row.model), default: .init()].add(row.spending)
            state.spent = state.spent + Self.amount(of: row.spending)
        }
        self.state = Mutex(state)
        self.file = file
    }

    public var budget: ChatBudget { state.withLock { $0.budget } }

    /// What was spent so far; calls in flight are not in it.
    public var totals: ChatTotals {
        let rows = state.withLock { $0.rows }
        let sorted = rows.map { ChatTotals.Row(purpose: $0.key.purpose, model: $0.key.model, spending: $0.value) }
            .sorted { Self.order($0) < Self.order($1) }
        return ChatTotals(rows: sorted)
    }

    private static func order(_ row: ChatTotals.Row) -> (String, Int, String, String) {
        (row.purpose.campaign ?? "", row.purpose.candidate ?? -1, row.purpose.step, row.model)
    }

    /// What counts towards a budget: also what a provider may charge for requests without an answer.
    private static func amount(of spending: ChatSpending) -> Amount {
        Amount(
            usd: spending.cost + spending.possibleCost, tokens: spending.tokens.plus(spending.possibleTokens),
            calls: spending.calls)
    }

    // MARK: Reserving

    /// An amount that is set aside for one request.
    struct Reservation: Sendable {
        let amount: Amount
        /// Its number in the file, where there is one.
        fileprivate let number: Int?
    }

    /// Sets an amount aside, and has it written down where there is a file. Waits when calls in flight may turn out so
    /// cheap that it fits.
    ///
    /// - Throws: `ChatError` of kind `budgetReached`, `timedOut` when `latest` comes first, `cancelled`, or
    ///   `configuration` when the file cannot be written.
    func reserve(
        _ amount: Amount, for purpose: ChatPurpose, model: String, until latest: ContinuousClock.Instant? = nil
    ) async throws -> Reservation {
        try await setAside(amount, until: latest)
        do {
            return Reservation(amount: amount, number: try file?.reserve(amount, for: purpose, model: model))
        } catch {
            finish(amount) { _ in }
            throw error
        }
    }

    private func setAside(_ amount: Amount, until latest: ContinuousClock.Instant?) async throws {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        var alarm: Task<Void, Never>?
        defer { alarm?.cancel() }
        if let latest, state.withLock({ Self.decide(amount, $0) == nil }) {
            alarm = Task { [weak self] in
                try? await Task.sleep(until: latest, clock: .continuous)
                if !Task.isCancelled {
                    self?.dismiss(id, ChatError(.timedOut, "the call's time ran out while it waited for the budget"))
                }
            }
        }
        let answer = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now: Answer? = state.withLock { state in
                    if Task.isCancelled { return .refused(Self.cancellation) }
                    guard let refusal = Self.decide(amount, state) else {
                        state.waiting.append(Waiter(id: id, amount: amount, continuation: continuation))
                        return nil
                    }
                    return Self.apply(refusal, amount, &state)
                }
                if let now { continuation.resume(returning: now) }
            }
        } onCancel: {
            dismiss(id, Self.cancellation)
        }
        if case .refused(let error) = answer { throw error }
    }

    private static let cancellation = ChatError(.cancelled, "the call was cancelled")

    private func dismiss(_ id: UInt64, _ error: ChatError) {
        let waiter = state.withLock { state in
            state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0) }
        }
        waiter?.continuation.resume(returning: .refused(error))
    }

    /// Yes, no, or, as `nil`, not before calls in flight have ended.
    private static func decide(_ amount: Amount, _ state: State) -> Bool? {
        if (state.spent + state.reserved + amount).excess(over: state.budget) == nil { return true }
        return (state.spent + amount).excess(over: state.budget) == nil ? nil : false
    }

    private static func apply(_ grant: Bool, _ amount: Amount, _ state: inout State) -> Answer {
        guard !grant else {
            state.reserved = state.reserved + amount
            return .granted
        }
        let limit = (state.spent + amount).excess(over: state.budget) ?? "calls"
        let story =
            "the budget of \(limit) is reached: \(state.spent.text) spent, and the next call may take \(amount.text); "
            + "raise the budget and resume"
        return .refused(ChatError(.budgetReached, story))
    }

    /// Gives an amount back, books what was spent instead, and answers those for whom this decides.
    private func finish(_ amount: Amount, _ book: (inout State) -> Void) {
        let answered = state.withLock { state in
            state.reserved = state.reserved - amount
            book(&state)
            var answered: [(CheckedContinuation<Answer, Never>, Answer)] = []
            state.waiting = state.waiting.filter { waiter in
                guard let grant = Self.decide(waiter.amount, state) else { return true }
                answered.append((waiter.continuation, Self.apply(grant, waiter.amount, &state)))
                return false
            }
            return answered
        }
        for (continuation, answer) in answered { continuation.resume(returning: answer) }
    }

    // MARK: Booking

    /// For a request that the server did not take, such as one refused with 429: nothing is spent.
    func release(_ reservation: Reservation) {
        finish(reservation.amount) { _ in }
        if let number = reservation.number { file?.release(number) }
    }

    /// For a request that was answered.
    func settle(_ reservation: Reservation, _ call: ChatCall) {
        let usage = call.usage ?? ChatUsage()
        var spending = ChatSpending()
        spending.calls = 1
        spending.promptTokens = usage.promptTokens
        spending.completionTokens = usage.completionTokens
        spending.cachedTokens = usage.cachedTokens
        spending.cost = call.cost ?? 0
        spending.unpriced = call.cost == nil ? 1 : 0
        spending.estimated = usage.estimated ? 1 : 0
        end(reservation, call, spending)
    }

    /// For a request that was sent and not answered: the provider may charge for it, so the worst case is booked.
    func forfeit(_ reservation: Reservation, _ call: ChatCall) {
        var spending = ChatSpending()
        spending.calls = 1
        spending.unanswered = 1
        spending.possibleCost = reservation.amount.usd
        spending.possibleTokens = reservation.amount.tokens
        end(reservation, call, spending)
    }

    private func end(_ reservation: Reservation, _ call: ChatCall, _ spending: ChatSpending) {
        finish(reservation.amount) { Self.book(spending, call, &$0) }
        file?.settle(reservation.number, call, spending)
    }

    /// For a reply that came from a cache or a cassette.
    func replay(_ call: ChatCall) {
        var spending = ChatSpending()
        spending.replayed = 1
        state.withLock { Self.book(spending, call, &$0) }
        file?.settle(nil, call, spending)
    }

    private static func book(_ spending: ChatSpending, _ call: ChatCall, _ state: inout State) {
        state.rows[Key(purpose: call.purpose, model: call.model), default: .init()].add(spending)
        state.spent = state.spent + amount(of: spending)
    }
}

extension Amount {
    fileprivate var text: String {
        let dollars = String(format: "%.4f", locale: Locale(identifier: "en_US_POSIX"), usd)
        return "\(dollars) US dollars, \(tokens) tokens, \(calls) calls"
    }
}
