using System.Text;
using System.Text.RegularExpressions;
using Tracking.Links;
using Tracking.Management.Events;

namespace Tracking.Management.Tests;

public sealed partial class ExportTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("", "")]
    [InlineData("a,b", "\"a,b\"")]
    [InlineData("say \"hi\"", "\"say \"\"hi\"\"\"")]
    [InlineData("two\nlines", "\"two\nlines\"")]
    [InlineData("=1+1", "'=1+1")]
    [InlineData("+49", "'+49")]
    [InlineData("-1", "'-1")]
    [InlineData("@SUM(A1)", "'@SUM(A1)")]
    [InlineData("\tx", "'\tx")]
    [InlineData("\r=x", "\"'\r'=x\"")]
    [InlineData("a;=1+1", "a;'=1+1")]
    [InlineData("Mozilla/5.0 (X11; =cmd|'/C calc'!A0)", "Mozilla/5.0 (X11;' =cmd|'/C calc'!A0)")]
    [InlineData("Mozilla/5.0 (X11; Linux x86_64; rv:140.0)", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0)")]
    [InlineData("a;;@x", "a;;'@x")]
    [InlineData("a;+1;-1|@x\t=y", "a;'+1;'-1|'@x\t'=y")]
    [InlineData("two\n=lines", "\"two\n'=lines\"")]
    [InlineData("two\r\n=lines", "\"two\r\n'=lines\"")]
    [InlineData("a;\"=1+1\"", "\"a;'\"\"=1+1\"\"\"")]
    [InlineData("a; \" '=1", "\"a;' \"\" '=1\"")]
    [InlineData(" =1", "' =1")]
    [InlineData("\u00a0=1", "'\u00a0=1")]
    [InlineData("\ufeff=1", "'\ufeff=1")]
    [InlineData("\uff1d1", "'\uff1d1")]
    [InlineData("a;\uff20x", "a;'\uff20x")]
    [InlineData("'=1", "''=1")]
    [InlineData("'quoted'", "'quoted'")]
    [InlineData("https://x.example/a;b=c?d=-1", "https://x.example/a;b=c?d=-1")]
    [InlineData("=a,\"b\"", "\"'=a,\"\"b\"\"\"")]
    [InlineData("a=b", "a=b")]
    public void A_cell_is_quoted_and_never_a_formula(string text, string cell)
    {
        var line = new StringBuilder();
        ExportEvents.AppendCell(line, text);
        Assert.Equal(cell, line.ToString());
    }

    [Fact]
    public void However_a_cell_is_divided_no_part_is_a_formula_and_an_apostrophe_less_at_each_place_gives_it_back()
    {
        var random = new Random(20);
        const string Letters = "=+-@;|\t\r\n\"' ,a\uff1d";
        for (var i = 0; i < 20_000; i++)
        {
            var text = new string(
                [.. Enumerable.Range(0, random.Next(1, 12)).Select(_ => Letters[random.Next(Letters.Length)])]);
            var line = new StringBuilder();
            ExportEvents.AppendCell(line, text);

            // A spreadsheet that ignores our quotes divides the line here. Then a program drops blanks and quotes.
            foreach (var part in line.ToString().Split(';', '|', '\t', '\r', '\n'))
            {
                Assert.DoesNotMatch("^[\\s\"]*[=+@\uff1d-]", part);
            }

            // Read as RFC 4180 says, without our apostrophes.
            var cell = line.ToString();
            var read = cell[0] == '"' ? cell[1..^1].Replace("\"\"", "\"", StringComparison.Ordinal) : cell;
            Assert.Equal(text, UndoPattern().Replace(read, ""));
        }
    }

    // Matches an apostrophe where a formula would begin without it; at the very beginning also before TAB, CR or LF.
    [GeneratedRegex("(?<=\\A|[;|\t\r\n])'(?=[ \"']*[=+@\uff1d-])|\\A'(?='*[\t\r\n])")]
    private static partial Regex UndoPattern();

    [Theory]
    [InlineData("https://example.com/a@b", "https://example.com/a@b")]
    [InlineData("https://user:secret@example.com/", "https://***@example.com/")]
    [InlineData("https://user@b@example.com", "https://***@example.com")]
    [InlineData("https://example.com?x=a@b", "https://example.com?x=a@b")]
    [InlineData("https://example.com#a@b", "https://example.com#a@b")]
    [InlineData("https://u:p@example.com\\@evil.example", "https://***@example.com\\@evil.example")]
    [InlineData("https:\\\\user:secret@example.com\\x", "https:\\\\***@example.com\\x")]
    [InlineData("https:///user:secret@example.com/", "https:///***@example.com/")]
    [InlineData("ht\ttps:\t//user:secret@example.com/", "ht\ttps:\t//***@example.com/")]
    [InlineData("mailto:somebody@example.com", "mailto:somebody@example.com")]
    [InlineData("not a url", "not a url")]
    public void User_names_and_passwords_in_a_URL_are_masked(string url, string shown) =>
        Assert.Equal(shown, ShownUrl.Mask(url));

    [Fact]
    public void The_smallest_id_of_a_moment_is_below_every_id_of_it()
    {
        var time = new DateTimeOffset(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
        var floor = EventSelection.IdFloor(time);
        for (var i = 0; i < 100; i++)
        {
            Assert.True(string.CompareOrdinal(floor.ToString(), Guid.CreateVersion7(time).ToString()) < 0);
            Assert.True(string.CompareOrdinal(
                Guid.CreateVersion7(time.AddMilliseconds(-1)).ToString(), floor.ToString()) < 0);
        }
    }
}
