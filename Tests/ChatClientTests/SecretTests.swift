import Foundation
import Testing

@testable import ChatClient

@Suite struct SecretTests {
    static let key = "sk-Pl4nted-9f8e7d6c5b4a39281706f5e4d3c2b1a0"
    static let header = "hdr-Pl4nted-00112233445566778899aabbccddeeff"

    /// Long pieces of either key that occur in a text.
    static func leaks(_ text: String) -> [Substring] {
        [key, header].flatMap { key in
            key.indices.dropLast(7).map { key[$0...].prefix(8) }.filter(text.contains)
        }
    }

    static let behaviours = [
        "ok", "echokey", "key", "keyanthropic", "keylitellm", "model", "context", "filter", "quota", "bad", "place",
        "429", "500", "403", "302", "html", "badjson", "nochoices", "inner", "drop", "close", "errorstream", "cut",
        "hang",
    ]

    @Test func aPlantedKeyIsSentAndFoundNowhereElse() async throws {
        let server = try ScriptedServer.shared.get()
        try await withTemporaryFolder { folder in
            let ledger = ChatLedger(file: try SpendingFile(folder + "/spending.jsonl"))
            var texts: [String] = []
            for provider in ChatEndpoint.Provider.allCases {
                var endpoint = server.endpoint(provider, retries: 1)
                endpoint.keyEnvironment = "PLANTED_KEY"
                endpoint.extraHeaders = ["X-Api-Token": "${PLANTED_HEADER}"]
                endpoint.timeouts.firstByte = .milliseconds(300)
                let client = try ChatClient(
                    endpoint: endpoint, prices: PriceTable(["*": .init(prompt: 1, completion: 1)]), ledger: ledger,
                    cassette: try Cassette(folder + "/tape.jsonl", mode: .record),
                    cache: try ResponseCache(folder + "/cache"),
                    environment: ["PLANTED_KEY": Self.key, "PLANTED_HEADER": Self.header])
                for behaviour in Self.behaviours {
                    let model = script(behaviour)
                    var request = ask(model, stream: behaviour == "errorstream" || behaviour == "cut")
                    request.temperature = 0
                    do {
                        let reply = try await client.complete(request)
                        texts += ["\(reply)", String(reflecting: reply)]
                        #expect(behaviour != "echokey" || reply.text.contains("[key]"))
                    } catch {
                        texts += ["\(error)", String(reflecting: error)]
                    }
                    let headers = try await server.seen(model)[0].headers
                    #expect(headers[provider == .openai ? "authorization" : "x-api-key"]?.contains(Self.key) == true)
                    #expect(headers["x-api-token"] == Self.header)
                }
                texts += [
                    "\(client)", String(reflecting: client), "\(client.secrets)", String(reflecting: client.secrets),
                ]
                var dumped = ""
                dump(client, to: &dumped)
                texts.append(dumped)
                texts.append(String(decoding: try JSONEncoder().encode(endpoint), as: UTF8.self))
            }
            texts.append(String(decoding: try JSONEncoder().encode(ledger.totals), as: UTF8.self))
            var files = 0
            for case let file as URL in FileManager.default.enumerator(
                at: URL(filePath: folder), includingPropertiesForKeys: nil) ?? .init()
            where !file.hasDirectoryPath {
                texts.append(String(decoding: try Data(contentsOf: file), as: UTF8.self))
                files += 1
            }
            #expect(files > 3 && texts.count > 100)
            for text in texts { #expect(Self.leaks(text).isEmpty, "\(Self.leaks(text)) in \(text.prefix(500))") }
        }
    }

    @Test func aRequestThatHoldsTheKeyIsNotWrittenDownWithIt() async throws {
        let server = try ScriptedServer.shared.get()
        try await withTemporaryFolder { folder in
            var endpoint = server.endpoint()
            endpoint.keyEnvironment = "PLANTED_KEY"
            let client = try ChatClient(
                endpoint: endpoint, cassette: try Cassette(folder + "/tape", mode: .record),
                cache: try ResponseCache(folder + "/cache"), environment: ["PLANTED_KEY": Self.key])
            var request = ask(script("ok"), "My key is \(Self.key).")
            request.temperature = 0
            #expect(try await client.complete(request).text == "My key is [key].")
            let tape = try String(contentsOfFile: folder + "/tape", encoding: .utf8)
            #expect(tape.contains("My key is [key].") && Self.leaks(tape).isEmpty)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/cache").isEmpty)
        }
    }

    @Test func aKeyFileMustBeItsOwnersAlone() async throws {
        let server = try ScriptedServer.shared.get()
        try await withTemporaryFolder { folder in
            let file = folder + "/key"
            try "\(Self.key)\n".write(toFile: file, atomically: true, encoding: .utf8)
            var endpoint = server.endpoint()
            endpoint.keyFile = file
            for mode in [0o644, 0o640, 0o604, 0o660] {
                try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
                let error = #expect(throws: ChatError.self) { try ChatClient(endpoint: endpoint) }
                #expect(error?.kind == .configuration && error?.message.contains("chmod 600 \(file)") == true)
            }
            for mode in [0o600, 0o400] {
                try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
                let model = script("ok")
                _ = try await ChatClient(endpoint: endpoint).complete(ask(model))
                #expect(try await server.seen(model)[0].headers["authorization"] == "Bearer \(Self.key)")
            }
            try FileManager.default.removeItem(atPath: file)
            try "two\nlines".write(toFile: file, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
            #expect(throws: ChatError.self) { try ChatClient(endpoint: endpoint) }
        }
    }

    @Test func piecesOfAKeyInAServersMessageAreTakenOut() {
        let secrets = Secrets(key: Secret(Self.key))
        #expect(secrets.scrubbed("got \(Self.key)!") == "got [key]!")
        #expect(secrets.scrubbed("got sk-Pl4nted-9f8e***d3c2b1a0") == "got [key]***[key]")
        #expect(secrets.scrubbed("nothing here") == "nothing here")
        let halves = "\(Self.key.prefix(20)) and then \(Self.key.dropFirst(20))"
        #expect(secrets.occur(in: Array(halves.utf8)) && secrets.scrubbed(halves) == "[key] and then [key]")
        #expect(!secrets.occur(in: Array("sk-Pl4n and 4nted-9".utf8)) && !secrets.occur(in: []))
        #expect(!Secrets(key: nil).occur(in: Array("anything at all".utf8)))
        #expect("\(Secret(Self.key)) \(String(reflecting: Secret(Self.key)))" == "[key] [key]")
    }
}
