import Foundation
import LabCore
import Synchronization

/// Why one request brought no reply, and what follows from it.
struct AttemptFailure: Error {
    let error: ChatError
    /// Whether the same request may succeed later.
    var canRetry: Bool
    /// How long the server asks to wait.
    var wait: Duration?
    /// Whether the provider may charge for the request all the same.
    var mayBeCharged: Bool
    /// Another form of the request that the server may take at once.
    var adaptation: Adaptations.Adaptation?
}

extension ChatClient {
    /// Sends one request and reads what comes back.
    func attempt(
        _ request: ChatRequest, _ options: BodyOptions, _ body: [UInt8], within time: Duration,
        _ onText: (@Sendable (String?) -> Void)?
    ) async -> Result<ParsedReply, AttemptFailure> {
        var exchange = HTTPRequest(url: url(of: request), timeouts: endpoint.timeouts)
        exchange.timeouts.total = min(endpoint.timeouts.total, time)
        exchange.body = body
        exchange.headers =
            ["Content-Type: application/json", "Accept: application/json, text/event-stream", "User-Agent: losslab"]
            + api.headers(secrets) + secrets.headers.map { "\($0.name): \($0.value.revealed)" }
        exchange.caFile = endpoint.caFile
        exchange.proxy = endpoint.proxy
        exchange.avoidsProxies = isLoopback
        let listener = request.stream ? StreamListener(api.stream(), onText) : nil
        if let listener { exchange.onBytes = { listener.take($0) } }

        let awaited = Waiting.Request(request.model, exchange.timeouts)
        exchange.onArrival = { awaited.took($0) }
        let asked = exchange

        switch await waiting.during(awaited, { await CurlLoop.shared.send(asked) }) {
        case .failure(let failure):
            // A whole reply whose connection ended badly is a whole reply.
            if failure.kind != .cancelled, let parsed = listener?.wholeReply() { return .success(cleaned(parsed)) }
            if failure.kind == .brokenOff, let error = listener?.error {
                return .failure(read(error, request, options).charged())
            }
            return .failure(describe(failure, request))
        case .success(let response):
            guard response.status == 200 else {
                let complaint = ServerComplaint(status: response.status, body: response.body)
                return .failure(describe(complaint, response, request, options))
            }
            do {
                guard response.holdsEvents else { return .success(cleaned(try parse(response, request, options))) }
                // Some servers stream although they were not asked to.
                let events = listener ?? StreamListener(api.stream(), nil)
                if listener == nil { _ = response.body.withUnsafeBytes { events.take($0) } }
                if let error = events.error { throw error }
                return .success(cleaned(try events.finish()))
            } catch let failure as AttemptFailure {
                return .failure(failure)
            } catch {
                return .failure(read(error, request, options).charged())
            }
        }
    }

    private func parse(
        _ response: HTTPResponse, _ request: ChatRequest, _ options: BodyOptions
    ) throws -> ParsedReply {
        guard let value = try? JSONParser.parse(response.body) else {
            throw MalformedReply("it is not JSON, or is cut off (\(response.body.count) bytes)")
        }
        let body = value.array?.first ?? value
        // Some gateways report errors with status 200 and the status inside, alone or beside what they had so far.
        if let error = body["error"] {
            let isAlone = body["choices"] == nil && body["content"] == nil
            let failure = FailureInReply(body: body)
            let complaint = ServerComplaint(status: failure.status, body: body)
            if isAlone { throw describe(complaint, response, request, options) }
            if error.saysSomething { throw failure }
        }
        return try api.reply(from: body)
    }

    /// A reply that repeats a key, as an echo server's may, must not carry it into files.
    private func cleaned(_ parsed: ParsedReply) -> ParsedReply {
        guard
            secrets.occur(in: Array(parsed.model.utf8))
                || parsed.choices.contains(where: {
                    secrets.occur(in: Array($0.text.utf8)) || secrets.occur(in: Array(($0.reasoning ?? "").utf8))
                })
        else { return parsed }
        var parsed = parsed
        parsed.model = secrets.scrubbed(parsed.model)
        parsed.choices = parsed.choices.map {
            .init(
                text: secrets.scrubbed($0.text), finish: $0.finish, reasoning: $0.reasoning.map(secrets.scrubbed))
        }
        return parsed
    }

    /// An error found while a reply was read.
    private func read(_ error: any Error, _ request: ChatRequest, _ options: BodyOptions) -> AttemptFailure {
        if let failure = error as? FailureInReply {
            return describe(ServerComplaint(status: failure.status, body: failure.body), nil, request, options)
        }
        let reason = (error as? MalformedReply)?.reason ?? "\(error)"
        return AttemptFailure(
            error: ChatError(
                .malformedReply, "\(endpoint.name) sent a reply that cannot be read: \(secrets.scrubbed(reason))",
                status: 200), canRetry: true, mayBeCharged: true)
    }
}

extension AttemptFailure {
    fileprivate func charged() -> AttemptFailure {
        var failure = self
        failure.mayBeCharged = true
        return failure
    }
}

extension HTTPResponse {
    /// Whether the body is a stream of events, by its type, or by its beginning where the type says nothing of use.
    fileprivate var holdsEvents: Bool {
        let type = header("content-type")?.lowercased() ?? ""
        if type.hasPrefix("text/event-stream") { return true }
        return !type.contains("json") && ["data:", "event:"].contains { body.starts(with: $0.utf8) }
    }
}

/// Reads a stream on the transport's thread.
private final class StreamListener: Sendable {
    private struct State {
        var events = ServerSentEvents()
        var stream: any ReplyStream
        var error: (any Error)?
    }

    private let state: Mutex<State>
    private let onText: (@Sendable (String?) -> Void)?

    init(_ stream: sending any ReplyStream, _ onText: (@Sendable (String?) -> Void)?) {
        state = Mutex(State(stream: stream))
        self.onText = onText
    }

    var error: (any Error)? { state.withLock { $0.error } }

    /// `false` ends the transfer: the stream holds an error.
    func take(_ piece: UnsafeRawBufferPointer) -> Bool {
        let (text, goesOn) = state.withLock { state -> (String, Bool) in
            var text = ""
            for event in state.events.take(piece) {
                do { text += try state.stream.take(event) } catch {
                    state.error = error
                    return (text, false)
                }
            }
            return (text, true)
        }
        if !text.isEmpty { onText?(text) }
        return goesOn
    }

    /// The reply at the stream's end.
    func finish() throws -> ParsedReply {
        let last = state.withLock { $0.events.finish() }
        if let last {
            let text = try state.withLock { try $0.stream.take(last) }
            if !text.isEmpty { onText?(text) }
        }
        return try state.withLock { try $0.stream.reply() }
    }

    /// The reply, if the stream had brought all of it.
    func wholeReply() -> ParsedReply? {
        state.withLock { $0.error == nil ? try? $0.stream.reply() : nil }
    }
}
