#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One battle between two contestants: what it was worth to the first, and how many battles it counts for.
public struct Battle: Sendable, Equatable {
    public let first: Int
    public let second: Int
    /// 1 for a win of the first, 0.5 for a tie, 0 for a loss.
    public let value: Double
    public let weight: Double

    public init(first: Int, second: Int, value: Double, weight: Double = 1) {
        self.first = first
        self.second = second
        self.value = value
        self.weight = weight
    }
}

/// Strengths under Bradley and Terry's model, as log odds against contestant 0: `P(i beats j) = sigmoid(s_i - s_j)`.
///
/// A tie is half a win for each. Maximum likelihood by minorisation (Hunter 2004), with one more half win each way for
/// every pair that met, so that a contestant that won every battle is strong, not infinitely so.
/// - Returns: `nil` for a contestant that has no chain of battles to contestant 0.
public func bradleyTerryStrengths(_ battles: [Battle], contestants: Int) -> [Double?] {
    var wins = [[Double]](repeating: [Double](repeating: 0, count: contestants), count: contestants)
    for battle in battles {
        wins[battle.first][battle.second] += battle.value * battle.weight
        wins[battle.second][battle.first] += (1 - battle.value) * battle.weight
    }
    return bradleyTerryStrengths(wins: wins)
}

/// The same from a table of wins, `wins[i][j]` of i over j.
func bradleyTerryStrengths(wins table: [[Double]]) -> [Double?] {
    var wins = table
    let all = wins.indices
    for i in all {
        for j in all where i < j && table[i][j] + table[j][i] > 0 {
            (wins[i][j], wins[j][i]) = (wins[i][j] + 0.5, wins[j][i] + 0.5)
        }
    }
    var reached: Set<Int> = [0]
    var frontier = [0]
    while let i = frontier.popLast() {
        for j in all where wins[i][j] > 0 && reached.insert(j).inserted { frontier.append(j) }
    }
    var strength = [Double](repeating: 1, count: wins.count)
    for _ in 0..<10_000 {
        var change = 0.0
        for i in all where reached.contains(i) {
            let won = all.reduce(0.0) { $0 + wins[i][$1] }
            let faced = all.reduce(0.0) { sum, j in
                j == i ? sum : sum + (wins[i][j] + wins[j][i]) / (strength[i] + strength[j])
            }
            guard faced > 0 else { continue }
            let next = won / faced
            change = max(change, abs(log(next / strength[i])))
            strength[i] = next
        }
        if change < 1e-12 { break }
    }
    return all.map { reached.contains($0) ? log(strength[$0] / strength[0]) : nil }
}

func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
