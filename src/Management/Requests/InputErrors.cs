using Tracking.Api;

namespace Tracking.Management.Requests;

/// <summary>Collects all errors of a request, so that one answer names all of them.</summary>
internal sealed class InputErrors
{
    private readonly List<InputError> _errors = [];

    public int Count => _errors.Count;

    public bool Any => _errors.Count != 0;

    /// <summary>Adds an error.</summary>
    /// <param name="name">The name of the input.</param>
    /// <param name="detail">What is wrong and what is accepted.</param>
    public void Add(string name, string detail) => _errors.Add(new InputError(name, detail));

    public Problem ToProblem() => Problems.Invalid(_errors);
}
