using Tracking.Api;
using Tracking.Management.Requests;

namespace Tracking.Management.Console.Parts;

/// <summary>The errors of a form, by field.</summary>
internal sealed class FormErrors
{
    private readonly Dictionary<string, string> _errors = new(StringComparer.Ordinal);

    /// <summary>Whether there are errors.</summary>
    public bool Any => _errors.Count > 0;

    /// <summary>The error of a field; <see langword="null"/> if there is none.</summary>
    public string? Of(string field) => _errors.GetValueOrDefault(field);

    /// <summary>Adds an error. A field keeps its first error.</summary>
    public void Add(string field, string error) => _errors.TryAdd(field, error);

    /// <summary>Adds the errors that the API would answer, each to its field.</summary>
    /// <returns>Whether there are errors.</returns>
    public bool Take(InputErrors errors)
    {
        if (errors.Any)
        {
            TakeMembers(errors.ToProblem(), "");
        }

        return Any;
    }

    /// <summary>Adds a refusal.</summary>
    /// <param name="refusal">The problem that the API would answer; <see langword="null"/> if there is none.</param>
    /// <param name="field">The field for a problem that names no field.</param>
    /// <returns>Whether there was a refusal.</returns>
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

    // The API writes "name: got 'x', takes y." The form shows the field's name already, so it is removed here.
    private static string Sentence(string detail)
    {
        var colon = detail.IndexOf(": ", StringComparison.Ordinal);
        var text = colon > 0 && !detail.AsSpan(0, colon).Contains(' ') ? detail[(colon + 2)..] : detail;
        return text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..];
    }
}
