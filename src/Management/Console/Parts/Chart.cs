using System.Globalization;
using System.Text;

namespace Tracking.Management.Console.Parts;

/// <summary>The paths of a chart. Each point is in the middle of its time step. The axis has whole numbers.</summary>
internal sealed class Chart(int count, long most)
{
    /// <summary>The width in units of the drawing. The drawing is stretched to the page's width; the thickness of its
    /// lines is not.</summary>
    public const int Width = 1000;

    /// <summary>The height in units of the drawing, which is its height on the page.</summary>
    public const int Height = 220;

    /// <summary>The values of the axis, the highest first.</summary>
    public IReadOnlyList<long> Ticks { get; } = TicksOf(most);

    /// <summary>The vertical position of a value.</summary>
    public double Y(long value) => Height - (double)value / Ticks[0] * Height;

    /// <summary>A line through values.</summary>
    public string Line(IEnumerable<long> values) => Path(values, 'M');

    /// <summary>The area under values.</summary>
    public string Area(IEnumerable<long> values) =>
        string.Create(CultureInfo.InvariantCulture, $"M{X(0)} {Height}{Path(values, 'L')}L{X(count - 1)} {Height}Z");

    private double X(int index) => Math.Round((index + 0.5) * Width / count, 1);

    private string Path(IEnumerable<long> values, char first)
    {
        var path = new StringBuilder();
        foreach (var (index, value) in values.Index())
        {
            path.Append(index == 0 ? first : 'L').Append(CultureInfo.InvariantCulture, $"{X(index)} {Y(value):0.#}");
        }

        return path.ToString();
    }

    // Two to four steps of 1, 2 or 5 times a power of ten.
    private static List<long> TicksOf(long most)
    {
        var step = 1L;
        while (step * 4 < most)
        {
            step = step.ToString(CultureInfo.InvariantCulture)[0] == '2' ? step / 2 * 5 : step * 2;
        }

        var ticks = new List<long>();
        for (var tick = Math.Max(step, (most + step - 1) / step * step); tick >= 0; tick -= step)
        {
            ticks.Add(tick);
        }

        return ticks;
    }
}
