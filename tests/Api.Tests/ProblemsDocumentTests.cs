using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Tracking.Api.Tests;

public sealed partial class ProblemsDocumentTests
{
    [Fact]
    public void Every_problem_type_is_in_the_document_with_its_status_and_no_other()
    {
        var documented = ProblemRow().Matches(Document("problems.md"))
            .Select(row => (row.Groups["name"].Value, int.Parse(row.Groups["status"].Value, null)))
            .Order();

        Assert.Equal(ProblemType.All.Select(type => (type.Name, type.Status)).Order(), documented);
    }

    [Fact]
    public void The_list_of_all_types_has_all_types()
    {
        var declared = typeof(ProblemType).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Where(field => field.FieldType == typeof(ProblemType))
            .Select(field => (ProblemType)field.GetValue(null)!);

        Assert.Equal(declared.ToHashSet(), ProblemType.All.ToHashSet());
        Assert.All(ProblemType.All, type => Assert.Matches("^[a-z]+(-[a-z]+)*$", type.Name));
    }

    private static string Document(string name, [CallerFilePath] string thisFile = "") =>
        File.ReadAllText(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", "..", "docs", name));

    [GeneratedRegex(@"^\| `(?<name>[a-z-]+)` \| (?<status>\d{3}) \|", RegexOptions.Multiline)]
    private static partial Regex ProblemRow();
}
