using System.Text;
using CsCheck;
using KlingPS.Core.Saving;

namespace KlingPS.Core.Tests.Saving;

public sealed class NameTemplateTests
{
    private static readonly NameTemplateValues s_values = new()
    {
        Source = Path.Combine("shots", "day 1", "fox.cub.jpg"),
        Index = 7,
        TaskId = "9b1f0c6e",
        Id = 42,
        CreatedAt = new DateTimeOffset(2026, 3, 9, 23, 30, 0, TimeSpan.Zero),
        TimeZone = TimeZoneInfo.CreateCustomTimeZone("East", TimeSpan.FromHours(2), "East", "East"),
        Duration = 5,
        Take = 2,
    };

    /// <summary>Text with much of what goes wrong in names.</summary>
    private static readonly Gen<string> s_text = Gen.OneOf(
            Gen.String[Gen.Char["abC0. /\\:~{}<>*?|\"\t\0_-"], 0, 8],
            Gen.String[Gen.Char['\u0080', '\uFFFF'], 0, 8],
            Gen.OneOf([.. new[] { "-", "--", "\u2014", "\u202E", "\u200B", "\uFEFF", "\u3164", "\u2028", "CON", "nul", "COM1", "lpt¹", ".", "..", "...", " ", "~", "e\u0301", "\u037E", "\U0001F98A", "é", ".mp4", "con .x" }
                .Select(text => Gen.Const(text))]),
            Gen.Select(Gen.OneOf(Gen.Const("a"), Gen.Const("é"), Gen.Const("\U0001F98A"), Gen.Const(" "), Gen.Const(".")), Gen.Int[0, 300])
                .Select((text, count) => string.Concat(Enumerable.Repeat(text, count))))
        .Array[0, 4].Select(string.Concat);

    [Fact]
    public void A_template_that_is_longer_than_any_path_is_refused_before_a_name_is_made_of_it()
    {
        Assert.Equal(1000, NameTemplate.Parse(new string('x', 1000)).ToString().Length);

        var error = Assert.Throws<KlingException>(() => NameTemplate.Parse(new string('x', 1001)));
        Assert.Equal(ErrorKind.RequestInvalid, error.Kind);
        Assert.Contains("1,001 characters", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData('\0')]
    [InlineData('\n')]
    public void A_number_of_a_billion_digits_is_refused_whatever_comes_behind_its_format(char hidden)
    {
        var error = Assert.Throws<KlingException>(() => NameTemplate.Parse($"{{Index:D999999999{hidden}9}}"));
        Assert.Contains("does not suit it", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_title_without_end_is_cut_before_a_name_is_made_of_it()
    {
        // Together they would be longer than a string can be.
        NameTemplate template = NameTemplate.Parse(string.Concat(Enumerable.Repeat("{BaseName}", 99)));

        string name = template.Expand(s_values with { Source = null, Title = new string('x', 20_000_000) });

        Assert.Equal(new string('x', SafeName.MaximumFileBytes - 4) + ".mp4", name);
    }

    [Theory]
    [InlineData("{BaseName}.mp4", "fox.cub.mp4")]
    [InlineData("{BaseName}", "fox.cub.mp4")]
    [InlineData("  {basename}  ", "fox.cub.mp4")]
    [InlineData("{Directory}/{BaseName}-{Index:000}.mp4", "day 1/fox.cub-007.mp4")]
    [InlineData("{Directory}\\{Index}", "day 1/7.mp4")]
    [InlineData("{TASKID}_{id:D6}.MP4", "9b1f0c6e_000042.MP4")]
    [InlineData("{Date}-{Date:yyyy-MM-dd HH}", "20260310-2026-03-10 01.mp4")]
    [InlineData("{Date:yyyy}/{Date:MM}/{Id}", "2026/03/42.mp4")]
    [InlineData("{Date:MM/dd}", "03_10.mp4")]
    [InlineData("{Date:ddd}", "Tue.mp4")]
    [InlineData("{Index:D}", "7.mp4")]
    [InlineData("{Index:#100}", "107.mp4")]
    [InlineData("{Duration}s take {Take:00}", "5s take 02.mp4")]
    [InlineData("take 2.5", "take 2.5.mp4")]
    [InlineData("{BaseName}.take1", "fox.cub.take1.mp4")]
    [InlineData("{BaseName}.MP4", "fox.cub.MP4")]
    [InlineData("{BaseName}.mp4.", "fox.cub.mp4")]
    [InlineData("{BaseName}.mov", "fox.cub.mov.mp4")]
    [InlineData("{BaseName}.mp4.{Index}", "fox.cub.mp4.7.mp4")]
    [InlineData("{Index}.{TaskId}", "7.9b1f0c6e.mp4")]
    [InlineData("v1.5/{BaseName}", "v1.5/fox.cub.mp4")]
    [InlineData("mp4", "mp4.mp4")]
    [InlineData("-{Index}", "7.mp4")]
    [InlineData("{{{Id}}}", "{42}.mp4")]
    [InlineData("fox: b?.mp4", "fox_ b_.mp4")]
    [InlineData("~/x", "_/x.mp4")]
    [InlineData("a. /x", "a/x.mp4")]
    [InlineData(".mp4", "_.mp4")]
    [InlineData("aux.old/con", "_aux.old/_con.mp4")]
    public void A_template_becomes_a_name(string template, string name) =>
        Assert.Equal(name, NameTemplate.Parse(template).Expand(s_values));

    [Theory]
    [InlineData("..", "..", "_/_.mp4")]
    [InlineData("a/b", "c\\d", "a_b/c_d.mp4")]
    [InlineData("C:", "x:y", "C_/x_y.mp4")]
    [InlineData("NUL", "COM¹", "_NUL/_COM¹.mp4")]
    [InlineData("com1.txt", "lpt9 .tar", "_com1.txt/_lpt9 .tar.mp4")]
    [InlineData("prn", "aux", "_prn/_aux.mp4")]
    [InlineData("conin$", "CONOUT$.1", "_conin$/_CONOUT$.1.mp4")]
    [InlineData("CLOCK$", "LPT0", "_CLOCK$/_LPT0.mp4")]
    [InlineData("COM", "CONSOLE", "COM/CONSOLE.mp4")]
    [InlineData(" a. .", "b ... ", "a/b.mp4")]
    [InlineData("~root", "~", "_root/_.mp4")]
    [InlineData("", "", "_/_.mp4")]
    [InlineData("e\u0301", "\u0001\u007F\u0085", "é/___.mp4")]
    [InlineData("fox\u202Egpj", "a\u200Bb\uFEFF\u2066c\u00ADd", "foxgpj/abcd.mp4")]
    [InlineData("-rf", "-- -x", "rf/x.mp4")]
    [InlineData("\u2014 \u2013a", "\u202E-a", "a/a.mp4")]
    [InlineData("\u3164\u2800", "---", "_/_.mp4")]
    [InlineData("-~a", "e\u200B\u0301", "_a/é.mp4")]
    [InlineData("-nul", "a\u2028b", "_nul/a_b.mp4")]
    [InlineData("a-b", "👩\u200D🚒\U000E0067", "a-b/👩🚒.mp4")]
    public void A_value_cannot_make_an_unsafe_name(string first, string second, string name) =>
        Assert.Equal(name, $"{SafeName.Make(first, "", 255)}/{SafeName.Make(second, ".mp4", 242)}");

    [Theory]
    [InlineData("fox.mp4", ".mp4")]
    [InlineData("fox.tar.GZ", ".GZ")]
    [InlineData("fox.abcde", ".abcde")]
    [InlineData("fox.abcdef", "")]
    [InlineData("fox.1234a", ".1234a")]
    [InlineData("take 2.5", "")]
    [InlineData("fox.m p", "")]
    [InlineData("fox.é", "")]
    [InlineData("fox.", "")]
    [InlineData("fox", "")]
    [InlineData(".mp4", ".mp4")]
    [InlineData("", "")]
    public void An_extension_is_short_and_has_a_letter(string name, string extension) => Assert.Equal(extension, SafeName.ExtensionOf(name));

    [Theory]
    [InlineData(255, 255)]
    [InlineData(256, 255)]
    public void A_name_that_just_fits_is_kept_whole(int length, int kept)
        => Assert.Equal(kept, SafeName.Make(new string('a', length), string.Empty, SafeName.MaximumFolderBytes).Length);

    [Fact]
    public void A_number_takes_as_many_digits_as_a_name_can_hold()
        => Assert.Equal(new string('0', 98) + "7.mp4", NameTemplate.Parse("{Index:D99}").Expand(s_values));

    [Fact]
    public void Half_a_surrogate_pair_is_replaced() =>
        Assert.Equal("_a_\U0001F98A_", SafeName.Make("\uDD8Aa\uD83E\uD83E\uDD8A\uD83E", "", 255));

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("   ", "is empty")]
    [InlineData("{Name}", "unknown token '{Name}'; the known ones are {BaseName}, {Date}, {Directory}, {Duration}, {Id}, {Index}, {Take}, {TaskId}.")]
    [InlineData("{}", "unknown token '{}'")]
    [InlineData("a{BaseName", "'{' at character 2 that is never closed")]
    [InlineData("{Base{Id}", "'{' at character 1 that is never closed")]
    [InlineData("{Id}}", "'}' at character 5 that closes nothing")]
    [InlineData("{Index:D1000000000}", "does not suit it")]
    [InlineData("{Index:D100}", "does not suit it")]
    [InlineData("{Index:Q}", "does not suit it")]
    [InlineData("{Date:Q}", "does not suit it")]
    [InlineData("{BaseName:000}", "takes no format")]
    [InlineData("/tmp/{Id}", "begins with a drive or a slash")]
    [InlineData("\\\\server\\share\\{Id}", "begins with a drive or a slash")]
    [InlineData("C:\\{Id}", "begins with a drive or a slash")]
    [InlineData("c:{Id}", "begins with a drive or a slash")]
    [InlineData("../{Id}", "dots only")]
    [InlineData("a/../{Id}", "dots only")]
    [InlineData("a/./{Id}", "dots only")]
    [InlineData("a//{Id}", "empty segment")]
    [InlineData("a/", "empty segment")]
    [InlineData("a/..", "dots only")]
    public void A_template_that_cannot_be_is_refused_with_the_reason(string template, string reason)
    {
        var exception = Assert.Throws<KlingException>(() => NameTemplate.Parse(template));

        Assert.Equal(ErrorKind.RequestInvalid, exception.Kind);
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "_/9b1f0c6e.mp4")]
    [InlineData("fox.jpg", "_/fox.mp4")]
    [InlineData("/fox.jpg", "_/fox.mp4")]
    [InlineData("a/.jpg", "a/9b1f0c6e.mp4")]
    [InlineData("https://host/shots/red%20fox.png?size=2", "shots/red fox.mp4")]
    [InlineData("https://host/", "_/9b1f0c6e.mp4")]
    public void The_source_gives_base_name_and_folder_and_the_task_id_stands_in(string? source, string name) =>
        Assert.Equal(name, NameTemplate.Parse("{Directory}/{BaseName}").Expand(s_values with { Source = source }));

    [Fact]
    public void A_long_name_is_cut_between_characters_and_keeps_its_extension()
    {
        string fox = string.Concat(Enumerable.Repeat("\U0001F98A", 100));

        string[] segments = NameTemplate.Parse("{Directory}/{BaseName}.mp4").Expand(s_values with { Source = $"{fox}/x{fox}.png" }).Split('/');

        Assert.Equal(string.Concat(Enumerable.Repeat("\U0001F98A", 63)), segments[0]);
        Assert.Equal("x" + string.Concat(Enumerable.Repeat("\U0001F98A", 59)) + ".mp4", segments[1]);
        Assert.InRange(Encoding.UTF8.GetByteCount(segments[1] + ".partial.json"), 1, 255);
    }

    [Fact]
    public void A_template_tells_its_tokens_and_its_text()
    {
        NameTemplate template = NameTemplate.Parse("{basename}-{INDEX:00}/{Index}");

        Assert.Equal(["BaseName", "Index"], template.Tokens.Order());
        Assert.Contains("index", template.Tokens);
        Assert.Equal("{basename}-{INDEX:00}/{Index}", template.ToString());
        Assert.Equal("{BaseName}.mp4", NameTemplate.Default.ToString());
        Assert.Equal(8, NameTemplate.KnownTokens.Count);
    }

    [Fact]
    public void No_template_and_no_value_leads_out_of_the_destination_or_to_an_illegal_name()
    {
        Gen<string> part = Gen.OneOf(
            s_text.Select(text => text.Replace("{", "{{", StringComparison.Ordinal).Replace("}", "}}", StringComparison.Ordinal)),
            Gen.Const("{BaseName}"), Gen.Const("{Directory}"), Gen.Const("{TaskId}"), Gen.Const("{Index:000}"), Gen.Const("{Date:d}"), Gen.Const("/"));
        string destination = Path.GetFullPath("videos");
        int expanded = 0;

        Gen.Select(part.Array[1, 6].Select(string.Concat), s_text, s_text, s_text).Sample((template, folder, file, task) =>
        {
            NameTemplate parsed;
            try
            {
                parsed = NameTemplate.Parse(template);
            }
            catch (KlingException exception) when (exception.Kind == ErrorKind.RequestInvalid)
            {
                return;
            }

            Interlocked.Increment(ref expanded);
            string name = parsed.Expand(s_values with { Source = $"{folder}/{file}", TaskId = task });
            string[] segments = name.Split('/');
            Assert.All(segments[..^1], segment => RequireLegal(segment, 255));
            RequireLegal(segments[^1], 242);
            Assert.Equal(segments[..^1], segments[..^1].Select(segment => SafeName.Make(segment, "", 255)));
            Assert.Equal(segments[^1], SafeName.Make(segments[^1], "", 242));
            Assert.NotEmpty(SafeName.ExtensionOf(segments[^1]));
            Assert.StartsWith(destination + Path.DirectorySeparatorChar, NameTemplate.Combine(destination, name), StringComparison.Ordinal);
        });

        Assert.NotEqual(0, expanded);
    }

    [Fact]
    public void A_name_of_today_stays_as_it_is()
    {
        s_text.Array[1, 3].Sample(segments =>
        {
            string name = NameTemplate.MakeSafe(string.Join('/', segments));

            Assert.Equal(name, NameTemplate.MakeSafe(name));
            Assert.All(name.Split('/'), segment => RequireLegal(segment, 255));
            Assert.EndsWith(".mp4", name, StringComparison.OrdinalIgnoreCase);
        });
    }

    [Fact]
    public void Any_template_is_read_or_refused()
    {
        s_text.Sample(template =>
        {
            try
            {
                Assert.Equal(template.Trim(), NameTemplate.Parse(template).ToString());
            }
            catch (KlingException exception)
            {
                Assert.Equal(ErrorKind.RequestInvalid, exception.Kind);
            }
        });
    }

    [Theory]
    [InlineData("a.mp4")]
    [InlineData("a/b.mp4")]
    [InlineData("..a/b.mp4")]
    [InlineData("a/../b.mp4")]
    public void A_name_inside_the_destination_is_joined_to_it(string relative)
    {
        foreach (string destination in new[] { "videos", "videos/", Path.GetPathRoot(Path.GetFullPath("."))! })
        {
            Assert.Equal(Path.GetFullPath(relative, Path.GetFullPath(destination)), NameTemplate.Combine(destination, relative));
        }
    }

    [Theory]
    [InlineData("../a.mp4")]
    [InlineData("a/../../b.mp4")]
    [InlineData("../videos-2/b.mp4")]
    [InlineData("/etc/passwd")]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("")]
    [InlineData("a/../")]
    [InlineData("a\0b")]
    public void A_name_outside_the_destination_is_refused(string relative)
    {
        var exception = Assert.Throws<KlingException>(() => NameTemplate.Combine("videos", relative));

        Assert.Equal(ErrorKind.RequestInvalid, exception.Kind);
        Assert.Contains("leads out of the destination 'videos'", exception.Message, StringComparison.Ordinal);
    }

    /// <summary>Microsoft's rules for names, told once more and differently from the code under test.</summary>
    private static void RequireLegal(string segment, int maximumBytes)
    {
        Assert.NotEmpty(segment);
        Assert.Matches("""^[^<>:"/\\|?*\u0000-\u001F\u007F-\u009F]+\z""", segment);
        Assert.DoesNotMatch("""[. ]\z""", segment);
        Assert.DoesNotMatch("""(?i)^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|\z)""", segment);
        Assert.DoesNotMatch("^[~\u2013-\u2015-]", segment);
        Assert.DoesNotMatch(@"[\p{Cf}\p{Zl}\p{Zp}\u3164\u2800]", segment);
        Assert.True(segment.IsNormalized(NormalizationForm.FormC));
        Assert.InRange(new UTF8Encoding(false, throwOnInvalidBytes: true).GetByteCount(segment), 1, maximumBytes);
    }
}
