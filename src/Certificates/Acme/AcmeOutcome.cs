using System.Diagnostics.CodeAnalysis;

namespace Tracking.Certificates.Acme;

/// <summary>The outcome of a step at a certificate authority: a value or a problem.</summary>
/// <typeparam name="T">The type of the value.</typeparam>
public sealed record AcmeOutcome<T>
    where T : class
{
    private AcmeOutcome(T? value, AcmeProblem? problem)
    {
        Value = value;
        Problem = problem;
    }

    /// <summary>The value; <see langword="null"/> if the step failed.</summary>
    public T? Value { get; }

    /// <summary>The problem; <see langword="null"/> if the step succeeded.</summary>
    public AcmeProblem? Problem { get; }

    /// <summary>Whether there is a value.</summary>
    public bool Succeeded([NotNullWhen(true)] out T? value, [NotNullWhen(false)] out AcmeProblem? problem)
    {
        value = Value;
        problem = Problem;
        return value is not null;
    }

    /// <summary>A value.</summary>
    public static implicit operator AcmeOutcome<T>(T value) => new(value, null);

    /// <summary>A problem.</summary>
    public static implicit operator AcmeOutcome<T>(AcmeProblem problem) => new(null, problem);

    /// <summary>Applies a function to the value. A problem is passed on unchanged.</summary>
    internal AcmeOutcome<TNext> Then<TNext>(Func<T, AcmeOutcome<TNext>> next)
        where TNext : class => Value is null ? Problem! : next(Value);
}
