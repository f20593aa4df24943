internal import CCurl
import Foundation
import Synchronization

/// The one thread of the process on which libcurl runs: it takes exchanges from any task, keeps connections alive
/// between them and wakes each task when its answer is there.
final class CurlLoop: Sendable {
    static let shared = CurlLoop()

    private struct Mail {
        var submitted: [Transfer] = []
        var cancelled: [UInt64] = []
        var isEmpty: Bool { submitted.isEmpty && cancelled.isEmpty }
    }

    /// Limits of transfers are looked at this often.
    private static let tick = Duration.milliseconds(20)

    private let mail = Mutex(Mail())
    private let lastID = Atomic<UInt64>(0)
    // Set once; libcurl allows `curl_multi_wakeup` from any thread, all else is done on the loop's own.
    private nonisolated(unsafe) let multi: UnsafeMutableRawPointer?

    private init() {
        _ = losslab_global_init()
        multi = curl_multi_init()
        // Idle connections to keep for later requests.
        _ = losslab_multi_set_long(multi, CURLMOPT_MAXCONNECTS, 512)
        let thread = Thread { [self] in run() }
        thread.name = "losslab-curl"
        thread.start()
    }

    /// Sends a request and waits for its answer; cancelling the task breaks the transfer off.
    func send(_ request: HTTPRequest) async -> Transfer.Outcome {
        let id = lastID.add(1, ordering: .relaxed).newValue
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                post { $0.submitted.append(Transfer(id, request, continuation)) }
                // A cancellation that came earlier found no transfer.
                if Task.isCancelled { post { $0.cancelled.append(id) } }
            }
        } onCancel: {
            post { $0.cancelled.append(id) }
        }
    }

    private func post(_ change: (inout sending Mail) -> Void) {
        let wasEmpty = mail.withLock { mail in
            let wasEmpty = mail.isEmpty
            change(&mail)
            return wasEmpty
        }
        if wasEmpty { _ = curl_multi_wakeup(multi) }
    }

    private func run() {
        var active: [UInt64: Transfer] = [:]
        var idleHandles: [UnsafeMutableRawPointer] = []
        var lastLook = ContinuousClock.now

        func end(_ transfer: Transfer, _ code: CURLcode, broken: TransportFailure.Kind? = nil) {
            active[transfer.id] = nil
            if let easy = transfer.easy { curl_multi_remove_handle(multi, easy) }
            transfer.finish(code, broken: broken)
            guard let easy = transfer.easy else { return }
            curl_easy_reset(easy)
            if idleHandles.count < 256 { idleHandles.append(easy) } else { curl_easy_cleanup(easy) }
        }

        func begin(_ transfer: Transfer) {
            active[transfer.id] = transfer
            guard let easy = idleHandles.popLast() ?? curl_easy_init() else {
                end(transfer, CURLE_OUT_OF_MEMORY)
                return
            }
            guard transfer.prepare(easy), curl_multi_add_handle(multi, easy) == CURLM_OK else {
                end(transfer, CURLE_BAD_FUNCTION_ARGUMENT)
                return
            }
        }

        while true {
            let letters = mail.withLock { mail in
                defer { mail = Mail() }
                return mail
            }
            letters.submitted.forEach(begin)
            for id in letters.cancelled {
                if let transfer = active[id] { end(transfer, CURLE_ABORTED_BY_CALLBACK, broken: .cancelled) }
            }

            var running: Int32 = 0
            _ = curl_multi_perform(multi, &running)
            var left: Int32 = 0
            while let message = curl_multi_info_read(multi, &left) {
                guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
                let code = message.pointee.data.result
                var context: UnsafeMutableRawPointer?
                _ = losslab_easy_get_pointer(easy, CURLINFO_PRIVATE, &context)
                guard let context else { continue }
                end(Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue(), code)
            }

            let now = ContinuousClock.now
            if now - lastLook >= Self.tick {
                lastLook = now
                for transfer in Array(active.values) {
                    if let limit = transfer.passedLimit(at: now) {
                        end(transfer, CURLE_OPERATION_TIMEDOUT, broken: limit)
                    }
                }
            }
            _ = curl_multi_poll(multi, nil, 0, active.isEmpty ? 60_000 : 20, nil)
        }
    }
}
