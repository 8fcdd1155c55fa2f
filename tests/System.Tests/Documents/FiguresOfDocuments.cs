using System.Globalization;
using System.Text.RegularExpressions;
using Tracking.Servers;

namespace Tracking.System.Tests.Documents;

/// <summary>A figure in a document before a link to a committed result is in that result, rounded or exact.</summary>
public sealed partial class FiguresOfDocuments
{
    private static readonly string _results = Path.Combine(
        BuiltPrograms.Repository, "tests", "Benchmarks", "Results");

    public static TheoryData<string> Documents =>
    [
        .. Directory.GetFiles(Path.Combine(BuiltPrograms.Repository, "docs"), "*.md", SearchOption.AllDirectories)
            .Append(Path.Combine(BuiltPrograms.Repository, "README.md"))
            .Where(file => Link().IsMatch(File.ReadAllText(file)))
            .Select(file => Path.GetRelativePath(BuiltPrograms.Repository, file)),
    ];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Figures_before_a_link_to_a_result_stand_in_it(string document)
    {
        var text = File.ReadAllText(Path.Combine(BuiltPrograms.Repository, document));
        var wrong = new List<string>();
        var from = 0;
        foreach (Match link in Link().Matches(text))
        {
            var said = text[Math.Max(from, text.LastIndexOfAny(['\n', '|'], link.Index))..link.Index];
            from = link.Index + link.Length;
            var measured = Numbers(File.ReadAllText(Path.Combine(_results, link.Groups[1].Value)))
                .Select(number => number.Value).ToList();
            wrong.AddRange(Numbers(said)
                .Where(figure => !measured.Exists(number => Math.Abs(number - figure.Value) <= figure.Unit / 2))
                .Select(figure => $"{figure.Text} is not in {link.Groups[1].Value}"));
        }

        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("49,000 a second", "49,312", true)]
    [InlineData("49,000 a second", "49,612", false)]
    [InlineData("0.94 of it", "0.938", true)]
    [InlineData("0.94 of it", "0.9", false)]
    [InlineData("24 bytes", "24", true)]
    public void A_figure_is_a_result_rounded_to_the_digits_that_it_shows(string said, string measured, bool holds)
    {
        var figure = Assert.Single(Numbers(said));
        Assert.Equal(holds, Math.Abs(Assert.Single(Numbers(measured)).Value - figure.Value) <= figure.Unit / 2);
    }

    /// <summary>The numbers of a text, each with the unit of its last significant digit.</summary>
    private static IEnumerable<(string Text, decimal Value, decimal Unit)> Numbers(string text) =>
        Number().Matches(text).Select(match =>
        {
            var digits = match.Value.Replace(",", "", StringComparison.Ordinal);
            var point = digits.IndexOf('.', StringComparison.Ordinal);
            var places = point < 0 ? digits.TrimEnd('0').Length - digits.Length : digits.Length - point - 1;
            var unit = 1m;
            for (var place = 0; place < Math.Abs(places); place++)
            {
                unit = places < 0 ? unit * 10 : unit / 10;
            }

            return (match.Value, decimal.Parse(digits, CultureInfo.InvariantCulture), unit);
        });

    [GeneratedRegex(@"\]\((?:\.\./)*tests/Benchmarks/Results/([\w-]+\.md)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"(?<![\w.])\d(?:[\d,]*\d)?(?:\.\d+)?")]
    private static partial Regex Number();
}
