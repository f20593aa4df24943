#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Student's t distribution; infinite degrees of freedom give the normal.
public enum StudentT {
    /// P(T <= t).
    public static func cumulative(_ t: Double, degreesOfFreedom: Double) -> Double {
        guard degreesOfFreedom.isFinite else { return 0.5 * erfc(-t / 2.0.squareRoot()) }
        guard t.isFinite else { return t > 0 ? 1 : 0 }
        let x = degreesOfFreedom / (degreesOfFreedom + t * t)
        let tail = 0.5 * regularizedBeta(x, degreesOfFreedom / 2, 0.5)
        return t > 0 ? 1 - tail : tail
    }

    /// The t with P(T <= t) = probability, for probability in (0, 1), by bisection to 1e-12.
    public static func quantile(_ probability: Double, degreesOfFreedom: Double) -> Double {
        guard probability > 0, probability < 1 else { return probability <= 0 ? -.infinity : .infinity }
        var low = -1.0
        var high = 1.0
        while cumulative(low, degreesOfFreedom: degreesOfFreedom) > probability { low *= 2 }
        while cumulative(high, degreesOfFreedom: degreesOfFreedom) < probability { high *= 2 }
        while high - low > 1e-12 * max(1, abs(low)) {
            let middle = (low + high) / 2
            if middle == low || middle == high { break }
            if cumulative(middle, degreesOfFreedom: degreesOfFreedom) < probability { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    /// Regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22).
    static func regularizedBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
        guard x > 0 else { return 0 }
        guard x < 1 else { return 1 }
        let front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
        // The fraction converges fast only on this side; the symmetry I_x(a,b) = 1 - I_{1-x}(b,a) gives the other.
        guard x < (a + 1) / (a + b + 2) else { return 1 - front * betaFraction(1 - x, b, a) / b }
        return front * betaFraction(x, a, b) / a
    }

    /// Lentz's evaluation of the continued fraction.
    private static func betaFraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
        let tiny = 1e-300
        var c = 1.0
        var d = 1 - (a + b) * x / (a + 1)
        d = 1 / (abs(d) < tiny ? tiny : d)
        var result = d
        for index in 1...400 {
            let m = Double(index)
            let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            d = 1 + even * d
            d = 1 / (abs(d) < tiny ? tiny : d)
            c = 1 + even / c
            c = abs(c) < tiny ? tiny : c
            result *= d * c
            let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            d = 1 + odd * d
            d = 1 / (abs(d) < tiny ? tiny : d)
            c = 1 + odd / c
            c = abs(c) < tiny ? tiny : c
            let step = d * c
            result *= step
            if abs(step - 1) < 1e-15 { break }
        }
        return result
    }
}
