using System.Diagnostics.CodeAnalysis;

namespace Tracking.Certificates.Acme;

/// <summary>What a step at a certificate authority came to: a value, or why there is none.</summary>
/// <typeparam name="T">What the step gives.</typeparam>
public sealed record AcmeOutcome<T>
    where T : class
{
    private AcmeOutcome(T? value, AcmeProblem? problem)
    {
        Value = value;
        Problem = problem;
    }

    /// <summary>What the step gave; <see langword="null"/> when there is a problem.</summary>
    public T? Value { get; }

    /// <summary>Why it gave nothing; <see langword="null"/> when it did.</summary>
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

    /// <summary>Goes on with the value; a problem stays what it is.</summary>
    internal AcmeOutcome<TNext> Then<TNext>(Func<T, AcmeOutcome<TNext>> next)
        where TNext : class => Value is null ? Problem! : next(Value);
}
