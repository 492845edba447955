using System.Buffers;
using System.Text;
using KlingPS.Core.Saving;

namespace KlingPS.Fuzz.Targets;

/// <summary>Name templates, and names made of whatever an image is called.</summary>
internal sealed class NameTarget : FuzzTarget
{
    private const string Destination = "/videos";

    private static readonly SearchValues<char> s_bad = SearchValues.Create("\\:*?\"<>|\0\n\u001B");

    public override string Name => "names";

    public override Task ReadAsync(byte[] input)
    {
        string text = Encoding.UTF8.GetString(input);
        Check(NameTemplate.Default, text);
        Check(NameTemplate.Parse("{Directory}/{BaseName}-{TaskId}.mp4"), text);
        Check(NameTemplate.Parse(text), text);
        return Task.CompletedTask;
    }

    private static void Check(NameTemplate template, string text)
    {
        foreach (string? source in (string?[])[text, "https://images.example/" + text, null])
        {
            string name = template.Expand(new NameTemplateValues
            {
                Source = source,
                Title = text,
                Index = text.Length - 3,
                TaskId = text,
                Id = int.MaxValue + (long)text.Length,
                CreatedAt = DateTimeOffset.UnixEpoch.AddDays(text.Length),
                TimeZone = TimeZoneInfo.Utc,
                Duration = 5,
            });
            foreach (string segment in name.Split('/'))
            {
                if (segment.Length == 0 || segment is "." or ".." || Encoding.UTF8.GetByteCount(segment) > SafeName.MaximumFolderBytes
                    || segment.AsSpan().IndexOfAny(s_bad) >= 0 || segment[^1] is '.' or ' ')
                {
                    throw new BrokenPromiseException($"'{name}' is not safe on every file system.");
                }
            }

            _ = NameTemplate.Combine(Destination, name);
        }
    }
}
