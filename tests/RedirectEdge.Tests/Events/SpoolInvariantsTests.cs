using System.Reflection;
using System.Text.RegularExpressions;

namespace Tracking.RedirectEdge.Tests.Events;

/// <summary>The spool's list of invariants equals the list of their tests.</summary>
public sealed partial class SpoolInvariantsTests
{
    [Fact]
    public void Every_invariant_of_the_spool_has_a_test_and_every_such_test_an_invariant()
    {
        var listed = Item().Matches(File.ReadAllText(Spool())).Select(match => match.Groups[1].Value).ToHashSet();
        var tested = typeof(SpoolInvariantsTests).Assembly.GetTypes()
            .SelectMany(
                type => type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Select(method => Prefix().Match(method.Name))
            .Where(match => match.Success)
            .Select(match => match.Groups[1].Value)
            .ToHashSet();
        Assert.NotEmpty(listed);
        Assert.Equal(listed.Order(StringComparer.Ordinal), tested.Order(StringComparer.Ordinal));
    }

    private static string Spool()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Tracking.sln")))
        {
            folder = folder.Parent!;
        }

        return Path.Combine(folder.FullName, "src/RedirectEdge/Events/EventSpool.cs");
    }

    [GeneratedRegex("<item>(S[0-9]+): ")]
    private static partial Regex Item();

    [GeneratedRegex("^(S[0-9]+)_")]
    private static partial Regex Prefix();
}
