import Foundation
import LabCore
import Synchronization

extension ChatClient {
    /// One request with its retries; once more with a limit twice as high where the model's thoughts used it up.
    func call(
        _ request: ChatRequest, _ purpose: ChatPurpose, _ onText: (@Sendable (String?) -> Void)?
    ) async throws -> ChatReply {
        let (asked, sent) = (limit(of: request), options(for: request).maxTokens)
        let reply = try await tries(request, purpose, onText)
        notice(reply, to: request)
        guard let asked, let sent, request.prompt == nil, reply.isSpentOnThoughts else { return reply }
        let story = "\(request.model) used up all \(sent) tokens of its limit for thoughts"
        guard sent == asked, adaptations.raise(asked, for: request.model) else {
            note("\(story); \(Self.thoughtAdvice)", request)
            return reply
        }
        note("\(story); it is asked with \(asked.times(2)) from now on; \(Self.thoughtAdvice)", request)
        do {
            let second = try await tries(request, purpose, onText)
            notice(second, to: request)
            return second.after(reply)
        } catch let error as ChatError where error.kind != .cancelled {
            // No room or no budget for more: what there is has to do.
            adaptations.keepLimit(asked, for: request.model)
            return reply
        }
    }

    private static let thoughtAdvice = "raise maxTokens, or lower reasoningEffort"

    /// One request with its retries. The order of waiting: a place at the endpoint, the limits per minute, the budget.
    ///
    /// The time of the call is counted from its first request on: what it waits for the endpoint's own limits before is
    /// not the server's doing.
    private func tries(
        _ request: ChatRequest, _ purpose: ChatPurpose, _ onText: (@Sendable (String?) -> Void)?
    ) async throws -> ChatReply {
        let price = try price(for: request.model)
        do { _ = try await gate.enter() } catch { throw cancelled }
        defer { gate.leave() }
        let began = ContinuousClock.now
        var latest: ContinuousClock.Instant?
        var attempts = 0
        var retries = 0
        var lastError: ChatError?
        var learnt: [Adaptations.Adaptation] = []
        while true {
            let options = options(for: request)
            let body = try api.body(of: request, options).bytes
            let ticket: Int
            do {
                guard let passed = try await pacer.pass(expectedTokens(request, options), until: latest) else {
                    throw outOfTime(lastError)
                }
                ticket = passed
            } catch is CancellationError {
                throw cancelled
            }
            let worst = worstCase(request, options, price)
            let reservation = try await ledger.reserve(worst, for: purpose, model: request.model, until: latest)
            let sent = ContinuousClock.now
            let end = latest ?? sent + endpoint.timeouts.call
            latest = end
            attempts += 1
            if attempts > 1 { onText?(nil) }
            let result = await attempt(request, options, body, within: end - sent, onText)
            let seconds = (ContinuousClock.now - sent).inSeconds
            switch result {
            case .success(let parsed):
                let usage = usage(of: parsed, to: request, options)
                let cost = price?.cost(of: usage)
                pacer.correct(ticket, to: usage.totalTokens)
                ledger.settle(reservation, booked(request, purpose, usage, cost, seconds, "answered"))
                for lesson in learnt { note("\(request.model) \(lesson.lesson)", request) }
                return ChatReply(
                    choices: parsed.choices.map { $0.cut(at: request.stop) },
                    model: parsed.model.isEmpty ? request.model : parsed.model, usage: usage,
                    cost: cost, attempts: attempts, seconds: (ContinuousClock.now - began).inSeconds)
            case .failure(let failure):
                if failure.mayBeCharged {
                    ledger.forfeit(
                        reservation,
                        booked(request, purpose, nil, price == nil ? nil : worst.usd, seconds, "unanswered"))
                } else {
                    pacer.correct(ticket, to: 0)
                    ledger.release(reservation)
                }
                if let adaptation = failure.adaptation, !options.adaptations.contains(adaptation) {
                    if adaptations.add(adaptation, for: request.model) { learnt.append(adaptation) }
                    continue
                }
                lastError = failure.error
                if failure.error.kind == .badRequest { adaptations.forget(learnt, for: request.model) }
                guard failure.canRetry, retries < endpoint.retries else { throw failure.error.after(attempts) }
                let wait = RetrySchedule(base: endpoint.backoff).wait(
                    before: retries, asked: failure.wait, fraction: Double.random(in: 0..<1))
                guard ContinuousClock.now + wait < end else { throw outOfTime(failure.error, wait: failure.wait) }
                if failure.error.kind == .timedOut { notes("\(failure.error.message); it is asked again") }
                do { try await Task.sleep(for: wait) } catch { throw cancelled }
                retries += 1
            }
        }
    }

    var cancelled: ChatError { ChatError(.cancelled, "\(endpoint.name): the call was cancelled") }

    /// The call's own limit, with the trouble that used it up; that trouble decides the error's kind.
    private func outOfTime(_ cause: ChatError?, wait: Duration? = nil) -> ChatError {
        let limit = "the \(endpoint.timeouts.call.text) that one call may take (timeouts.call)"
        guard let cause else { return ChatError(.timedOut, "\(endpoint.name): \(limit) have passed") }
        let end = wait.map { "the server asks to wait \($0.text), longer than is left of \(limit)" }
        return ChatError(
            cause.kind, "\(cause.message); \(end ?? "another try does not fit into \(limit)")", status: cause.status)
    }

    private func booked(
        _ request: ChatRequest, _ purpose: ChatPurpose, _ usage: ChatUsage?, _ cost: Double?, _ seconds: Double,
        _ outcome: String
    ) -> ChatCall {
        ChatCall(
            purpose: purpose, endpoint: endpoint.name, model: request.model, usage: usage, cost: cost,
            seconds: seconds, outcome: outcome)
    }

    // MARK: Sizes and prices

    private func price(for model: String) throws -> PriceTable.Price? {
        if let price = prices.price(of: model) { return price }
        guard ledger.budget.usd != nil, !isLoopback else { return nil }
        let place = prices.source.map { "add it to \($0)" } ?? "add it to the price file"
        throw ChatError(
            .configuration,
            "\(endpoint.name): a budget in dollars is set, but the model \(model) has no price; \(place), such as "
                + "`\"\(model)\": {prompt: 2.5, completion: 10}` in US dollars per million tokens (0 where it is free)")
    }

    private func options(for request: ChatRequest) -> BodyOptions {
        var options = adaptations.options(for: request.model)
        options.maxTokens = limit(of: request).map { adaptations.limit($0, for: request.model) }
        return options
    }

    /// The limit of tokens that a request is meant to have; `nil` for none.
    private func limit(of request: ChatRequest) -> Int? {
        let needsOne = endpoint.provider == .anthropic || request.prompt != nil || ledger.budget.limitsLength
        return request.maxTokens ?? (needsOne ? endpoint.defaultMaxTokens : nil)
    }

    /// What limits per minute are told before the usage is known.
    private func expectedTokens(_ request: ChatRequest, _ options: BodyOptions) -> Int {
        TokenEstimate.usual(request).plus((options.maxTokens ?? 0).times(request.n))
    }

    private func worstCase(_ request: ChatRequest, _ options: BodyOptions, _ price: PriceTable.Price?) -> Amount {
        let prompt = min(TokenEstimate.most(request), endpoint.contextTokens ?? .max)
        let completion = (options.maxTokens ?? endpoint.defaultMaxTokens).times(request.n)
        let dearest = price.map { PriceTable.Price(prompt: max($0.prompt, $0.cached ?? 0), completion: $0.completion) }
        return Amount(
            usd: dearest?.cost(of: ChatUsage(promptTokens: prompt, completionTokens: completion)) ?? 0,
            tokens: prompt.plus(completion), calls: 1)
    }

    /// What the server counted, where that can be true; else an estimate from the texts, marked as one.
    private func usage(of parsed: ParsedReply, to request: ChatRequest, _ options: BodyOptions) -> ChatUsage {
        if let told = parsed.usage {
            let bounds = UsageBounds(
                request, parsed, limit: options.maxTokens, context: endpoint.contextTokens)
            if let usage = bounds.believed(told) { return usage }
            note(
                "the tokens that it counts for \(request.model) cannot be those of what was sent and answered; they are "
                    + "estimated from the texts, and so is what they cost", request)
        }
        let answer = parsed.choices.reduce(0) {
            $0 + TokenEstimate.usual($1.text) + TokenEstimate.usual($1.reasoning ?? "")
        }
        return ChatUsage(promptTokens: TokenEstimate.usual(request), completionTokens: answer, estimated: true)
    }
}

extension ChatError {
    /// The same with the number of requests it took, where it took several.
    fileprivate func after(_ attempts: Int) -> ChatError {
        attempts == 1 ? self : ChatError(kind, "\(message) (after \(attempts) requests)", status: status)
    }
}

extension Duration {
    /// `0.25 s`, `90 s`.
    var text: String {
        let rounded = (inSeconds * 100).rounded() / 100
        return Int(exactly: rounded).map { "\($0) s" } ?? "\(rounded) s"
    }
}
