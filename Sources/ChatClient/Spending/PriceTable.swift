import Foundation
import Yams

/// US dollars for a million tokens, by the model's name.
public struct PriceTable: Hashable, Sendable {
    public struct Price: Codable, Hashable, Sendable {
        public var prompt: Double
        public var completion: Double
        /// For prompt tokens that the server took from its cache; `prompt` where it is missing.
        public var cached: Double?

        public init(prompt: Double, completion: Double, cached: Double? = nil) {
            self.prompt = prompt
            self.completion = completion
            self.cached = cached
        }

        /// US dollars of a call.
        public func cost(of usage: ChatUsage) -> Double {
            let fresh = Double(usage.promptTokens.minus(usage.cachedTokens)) * prompt
            let cached = Double(usage.cachedTokens) * (cached ?? prompt)
            return (fresh + cached + Double(usage.completionTokens) * completion) / 1e6
        }
    }

    /// Price by name or pattern, in which `*` stands for anything.
    public let prices: [String: Price]
    /// Where the user edits it, for messages.
    public let source: String?

    public init(_ prices: [String: Price] = [:], source: String? = nil) {
        self.prices = prices
        self.source = source
    }

    /// Reads a file of the form `gpt-4o*: {prompt: 2.5, completion: 10, cached: 1.25}`.
    ///
    /// - Throws: `ChatError` of kind `configuration` that names the file and the entry.
    public init(contentsOf file: String) throws {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw ChatError(.configuration, "the price file \(file) cannot be read")
        }
        do {
            let prices = try YAMLDecoder().decode([String: Price]?.self, from: data) ?? [:]
            for (model, price) in prices
            where ![price.prompt, price.completion, price.cached ?? 0].allSatisfy({ $0 >= 0 && $0.isFinite }) {
                throw ChatError(.configuration, "the price file \(file): a price of \(model) is no number from 0 up")
            }
            self.init(prices, source: file)
        } catch let error as ChatError {
            throw error
        } catch {
            throw ChatError(
                .configuration,
                "the price file \(file) is not of the form `model: {prompt: 2.5, completion: 10}`: \(error)")
        }
    }

    /// The price under the name itself, else under the pattern with the most letters that fits it.
    public func price(of model: String) -> Price? {
        if let price = prices[model] { return price }
        let fitting = prices.keys.filter { $0.contains("*") && Self.matches(model, $0) }
        let best = fitting.max { ($0.count, $1) < ($1.count, $0) }
        return best.flatMap { prices[$0] }
    }

    private static func matches(_ name: String, _ pattern: String) -> Bool {
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard let first = parts.first, let last = parts.last, name.hasPrefix(first) else { return false }
        var rest = name.dropFirst(first.count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let range = rest.range(of: part) else { return false }
            rest = rest[range.upperBound...]
        }
        return rest.hasSuffix(last)
    }
}
