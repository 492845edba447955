using System.Globalization;
using System.Management.Automation;
using System.Text;

namespace KlingPS.Runner;

/// <summary>
/// Progress as one line at the cursor, redrawn in place when its text changes and taken away before anything else is written.
/// Activities that run side by side stand side by side; their children are left out.
/// </summary>
internal sealed class ProgressLine
{
    private readonly TextWriter _output;
    private readonly OrderedDictionary<(long SourceId, int ActivityId), string> _activities = [];
    private string _drawn = string.Empty;

    /// <summary>Creates the line.</summary>
    /// <param name="output">The console, or <see cref="TextWriter.Null"/> where nothing can be drawn over.</param>
    public ProgressLine(TextWriter output)
    {
        _output = output;
    }

    /// <summary>Takes one record and redraws the line if it changes.</summary>
    /// <param name="sourceId">Who reports it.</param>
    /// <param name="record">What is reported.</param>
    public void Show(long sourceId, ProgressRecord record)
    {
        if (_output == TextWriter.Null || record.ParentActivityId >= 0)
        {
            return;
        }

        if (record.RecordType == ProgressRecordType.Completed)
        {
            _activities.Remove((sourceId, record.ActivityId));
        }
        else
        {
            _activities[(sourceId, record.ActivityId)] = Describe(record);
        }

        string line = Fit(string.Join("  ", _activities.Values), Console.WindowWidth - 1);
        if (line != _drawn)
        {
            Clear();
            _output.Write(line);
            _drawn = line;
        }
    }

    /// <summary>Takes the line away; the next record draws it again.</summary>
    public void Clear()
    {
        if (_drawn.Length > 0)
        {
            _output.Write('\r' + new string(' ', _drawn.Sum(Cells)) + '\r');
            _drawn = string.Empty;
        }
    }

    private static string Describe(ProgressRecord record)
    {
        string text = $"{record.Activity}: {record.StatusDescription}";
        if (record.PercentComplete >= 0)
        {
            text += string.Create(CultureInfo.InvariantCulture, $" {record.PercentComplete} %");
        }

        return record.SecondsRemaining >= 0
            ? text + string.Create(CultureInfo.InvariantCulture, $" ({TimeSpan.FromSeconds(record.SecondsRemaining):m\\:ss} left)")
            : text;
    }

    private static string Fit(string text, int cells)
    {
        var fitting = new StringBuilder();
        foreach (char character in text)
        {
            cells -= Cells(character);
            if (cells < 0)
            {
                break;
            }

            fitting.Append(char.IsControl(character) ? ' ' : character);
        }

        return fitting.ToString();
    }

    /// <summary>From Hangul on, which is where East Asian text lies, a character is two cells wide, near enough.</summary>
    private static int Cells(char character) => character < 0x1100 ? 1 : 2;
}
