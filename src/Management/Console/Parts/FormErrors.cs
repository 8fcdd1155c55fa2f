using Tracking.Api;
using Tracking.Management.Requests;

namespace Tracking.Management.Console.Parts;

/// <summary>What was wrong with a form, for each of its fields.</summary>
internal sealed class FormErrors
{
    private readonly Dictionary<string, string> _errors = new(StringComparer.Ordinal);

    /// <summary>Whether there is any.</summary>
    public bool Any => _errors.Count > 0;

    /// <summary>What is wrong with a field; <see langword="null"/>: nothing.</summary>
    public string? Of(string field) => _errors.GetValueOrDefault(field);

    /// <summary>Adds one.</summary>
    public void Add(string field, string error) => _errors.TryAdd(field, error);

    /// <summary>Takes what the API would answer, each beside its field.</summary>
    /// <returns>Whether there is anything wrong.</returns>
    public bool Take(InputErrors errors)
    {
        if (errors.Any)
        {
            TakeMembers(errors.ToProblem(), "");
        }

        return Any;
    }

    /// <summary>Takes a refusal.</summary>
    /// <param name="refusal">What the API would answer; <see langword="null"/>: nothing is wrong.</param>
    /// <param name="field">The field to say it beside when it names none.</param>
    /// <returns>Whether there is anything wrong.</returns>
    public bool Take(Problem? refusal, string field)
    {
        if (refusal is not null && !TakeMembers(refusal, field))
        {
            Add(field, Sentence(refusal.Detail));
        }

        return Any;
    }

    private bool TakeMembers(Problem problem, string field)
    {
        if (problem.Members.GetValueOrDefault("errors") is not IEnumerable<InputError> errors)
        {
            return false;
        }

        foreach (var error in errors)
        {
            Add(error.Name.Length == 0 ? field : error.Name, Sentence(error.Detail));
        }

        return true;
    }

    // The API writes "name: got 'x', takes y."; beside the field its name is said already.
    private static string Sentence(string detail)
    {
        var colon = detail.IndexOf(": ", StringComparison.Ordinal);
        var text = colon > 0 && !detail.AsSpan(0, colon).Contains(' ') ? detail[(colon + 2)..] : detail;
        return text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..];
    }
}
