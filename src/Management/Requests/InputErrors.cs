using Tracking.Api;

namespace Tracking.Management.Requests;

/// <summary>Everything that is wrong with a request, gathered so that one answer names it all.</summary>
internal sealed class InputErrors
{
    private readonly List<InputError> _errors = [];

    public int Count => _errors.Count;

    public bool Any => _errors.Count != 0;

    /// <summary>Adds an error.</summary>
    /// <param name="name">The input.</param>
    /// <param name="detail">What was wrong and what would be right.</param>
    public void Add(string name, string detail) => _errors.Add(new InputError(name, detail));

    public Problem ToProblem() => Problems.Invalid(_errors);
}
