using System.Globalization;
using System.Text;
using Tracking.Links.International;

namespace Tracking.Links.Tests;

/// <summary>Compares NFC with Unicode's own vectors; <c>eng/make-unicode</c> selects some of them.</summary>
public sealed class NormalFormsTests
{
    [Fact]
    public void Every_text_and_its_decomposition_become_the_same_NFC()
    {
        var texts = 0;
        foreach (var line in Lines())
        {
            var columns = line.Split(';');
            var (source, composed, decomposed) = (Read(columns[0]), Read(columns[1]), Read(columns[2]));
            Assert.Equal(composed, Compose(source));
            Assert.Equal(composed, Compose(decomposed));
            Assert.Equal(composed, Compose(composed));
            Assert.True(ComposeText.IsComposed(composed.ToArray()), columns[1]);
            Assert.Equal(source.SequenceEqual(composed), ComposeText.IsComposed(source.ToArray()));
            Assert.Equal(decomposed.SequenceEqual(composed), ComposeText.IsComposed(decomposed.ToArray()));
            texts++;
        }

        Assert.True(texts > 3000, $"{texts} texts");
    }

    [Fact]
    public void Every_Hangul_syllable_is_put_together()
    {
        for (var syllable = 0xac00; syllable <= 0xd7a3; syllable++)
        {
            var (leading, rest) = Math.DivRem(syllable - 0xac00, 588);
            var (vowel, trailing) = Math.DivRem(rest, 28);
            List<int> jamo = [0x1100 + leading, 0x1161 + vowel];
            if (trailing > 0)
            {
                jamo.Add(0x11a7 + trailing);
            }

            Assert.Equal([syllable], Compose(jamo));
            Assert.Equal([syllable], Compose([syllable]));
        }
    }

    [Fact]
    public void Marks_of_a_kilobyte_are_put_in_order_and_stay_of_one_class_as_they_stood()
    {
        // U+0301 has class 230, U+0327 class 202.
        List<int> text = ['a', .. Enumerable.Range(0, 1000).Select(i => i % 2 == 0 ? 0x0301 : 0x0327)];
        int[] expected = [0xe1, .. Enumerable.Repeat(0x0327, 500), .. Enumerable.Repeat(0x0301, 499)];
        Assert.Equal(expected, Compose(text));
    }

    private static List<int> Compose(List<int> text)
    {
        var composed = new List<int>(text);
        ComposeText.Compose(composed);
        return composed;
    }

    private static List<int> Read(string sequence) =>
        [.. sequence.Split(' ').Select(text => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture))];

    private static IEnumerable<string> Lines()
    {
        using var stream = typeof(NormalFormsTests).Assembly.GetManifestResourceStream("NormalForms.txt")!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        while (reader.ReadLine() is { } line)
        {
            if (!line.StartsWith('#'))
            {
                yield return line;
            }
        }
    }
}
