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

    /// P(T >= t), exact also where `1 - cumulative` would be all rounding.
    public static func upperTail(_ t: Double, degreesOfFreedom: Double) -> Double {
        cumulative(-t, degreesOfFreedom: degreesOfFreedom)
    }

    /// The t with P(T <= t) = probability, for probability in (0, 1): Newton's steps, halving where one leaves its bracket.
    public static func quantile(_ probability: Double, degreesOfFreedom: Double) -> Double {
        guard probability > 0, probability < 1 else { return probability <= 0 ? -.infinity : .infinity }
        guard probability != 0.5 else { return 0 }
        // The tails are exact on the left only, so the right half is found by symmetry.
        guard probability < 0.5 else { return -quantile(1 - probability, degreesOfFreedom: degreesOfFreedom) }
        var high = 0.0
        var low = -1.0
        while cumulative(low, degreesOfFreedom: degreesOfFreedom) > probability {
            high = low
            low *= 2
        }
        var t = (low + high) / 2
        for _ in 0..<200 {
            let excess = cumulative(t, degreesOfFreedom: degreesOfFreedom) - probability
            if excess > 0 { high = t } else { low = t }
            var next = t - excess / density(t, degreesOfFreedom: degreesOfFreedom)
            if !(next > low && next < high) { next = (low + high) / 2 }
            if abs(next - t) <= 1e-14 * abs(t) { return next }
            t = next
        }
        return t
    }

    static func density(_ t: Double, degreesOfFreedom: Double) -> Double {
        guard degreesOfFreedom.isFinite else { return exp(-t * t / 2) / (2 * Double.pi).squareRoot() }
        let front = lgamma((degreesOfFreedom + 1) / 2) - lgamma(degreesOfFreedom / 2)
        let body = log1p(t * t / degreesOfFreedom) * (degreesOfFreedom + 1) / 2
        return exp(front - body) / (degreesOfFreedom * Double.pi).squareRoot()
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
