using System.Runtime.InteropServices;

namespace Tracking.Links.International;

/// <summary>Normalization Form C (UAX #15).</summary>
internal static class ComposeText
{
    // Hangul syllables are computed (The Unicode Standard 3.12).
    private const int FirstSyllable = 0xac00;
    private const int FirstLeading = 0x1100;
    private const int FirstVowel = 0x1161;
    private const int BeforeTrailing = 0x11a7;
    private const int Leadings = 19;
    private const int Vowels = 21;
    private const int Trailings = 28;
    private const int Syllables = Leadings * Vowels * Trailings;

    /// <summary>Converts a text to NFC.</summary>
    /// <param name="text">Code points.</param>
    public static void Compose(List<int> text)
    {
        if (!MayChange(CollectionsMarshal.AsSpan(text)))
        {
            return;
        }

        var parts = new List<int>(text.Count + 16);
        foreach (var character in text)
        {
            Decompose(character, parts);
        }

        var span = CollectionsMarshal.AsSpan(parts);
        Order(span);
        text.Clear();
        Join(span, text);
    }

    /// <summary>Whether a text is in NFC.</summary>
    public static bool IsComposed(ReadOnlySpan<int> text)
    {
        if (!MayChange(text))
        {
            return true;
        }

        var composed = new List<int>(text.Length);
        composed.AddRange(text);
        Compose(composed);
        return text.SequenceEqual(CollectionsMarshal.AsSpan(composed));
    }

    private static bool MayChange(ReadOnlySpan<int> text)
    {
        foreach (var character in text)
        {
            if (CharacterTable.Of(character).MayChangeInNfc)
            {
                return true;
            }
        }

        return false;
    }

    // The first of two characters may have a decomposition too: at most four steps deep in any text.
    private static void Decompose(int character, List<int> parts)
    {
        var syllable = character - FirstSyllable;
        if (syllable is >= 0 and < Syllables)
        {
            parts.Add(FirstLeading + (syllable / (Vowels * Trailings)));
            parts.Add(FirstVowel + (syllable % (Vowels * Trailings) / Trailings));
            if (syllable % Trailings is > 0 and var trailing)
            {
                parts.Add(BeforeTrailing + trailing);
            }
        }
        else if (CharacterTable.TryDecompose(character, out var first, out var second))
        {
            Decompose(first, parts);
            if (second != 0)
            {
                Decompose(second, parts);
            }
        }
        else
        {
            parts.Add(character);
        }
    }

    // Sorts the marks behind a character by class. Marks of one class keep their order.
    private static void Order(Span<int> parts)
    {
        for (var i = 1; i < parts.Length; i++)
        {
            var part = parts[i];
            var combiningClass = CharacterTable.Of(part).CombiningClass;
            var place = i;
            while (combiningClass > 0 && place > 0
                && CharacterTable.Of(parts[place - 1]).CombiningClass > combiningClass)
            {
                parts[place] = parts[place - 1];
                place--;
            }

            parts[place] = part;
        }
    }

    private static void Join(ReadOnlySpan<int> parts, List<int> text)
    {
        const int NoStarter = 256;
        var starter = 0;
        var lastClass = NoStarter;
        foreach (var part in parts)
        {
            var combiningClass = CharacterTable.Of(part).CombiningClass;
            if (text.Count > 0 && (lastClass < combiningClass || lastClass == 0)
                && Pair(text[starter], part) is >= 0 and var composed)
            {
                text[starter] = composed;
                continue;
            }

            // Before the first character of class 0 there is no character to combine with.
            if (combiningClass == 0)
            {
                starter = text.Count;
                lastClass = 0;
            }
            else if (text.Count > 0 && lastClass != NoStarter)
            {
                lastClass = combiningClass;
            }

            text.Add(part);
        }
    }

    private static int Pair(int first, int second)
    {
        var (leading, vowel) = (first - FirstLeading, second - FirstVowel);
        if (leading is >= 0 and < Leadings && vowel is >= 0 and < Vowels)
        {
            return FirstSyllable + (((leading * Vowels) + vowel) * Trailings);
        }

        var (syllable, trailing) = (first - FirstSyllable, second - BeforeTrailing);
        return syllable is >= 0 and < Syllables && syllable % Trailings == 0 && trailing is > 0 and < Trailings
            ? first + trailing
            : CharacterTable.Compose(first, second);
    }
}
