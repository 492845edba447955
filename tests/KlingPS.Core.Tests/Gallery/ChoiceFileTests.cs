using System.Text;
using System.Text.Json;
using CsCheck;
using KlingPS.Core.Gallery;

namespace KlingPS.Core.Tests.Gallery;

public sealed class ChoiceFileTests : IDisposable
{
    private const string Table = "Key,Id,TaskId,Name,Model,Take,State,Credits,Choice,Rating,Note,Video";

    private static readonly DateTimeOffset s_written = new(2026, 11, 26, 10, 0, 0, TimeSpan.Zero);

    private readonly GalleryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    private static ChoiceFile Parse(string text) => ChoiceFile.Parse("/choice", text);

    private static ChoiceFile ParseJson(string choices) => Parse($$"""{"format":"KlingPS gallery choice","version":1,"choices":[{{choices}}]}""");

    private static string Show(ChoiceFile file) => string.Join("; ", file.Rows.Select(row => $"{row.Key} {row.Choice.Decision} {row.Choice.Rating} {row.Choice.Note}".TrimEnd()));

    [Fact]
    public void A_choice_is_read_as_the_page_saves_it()
    {
        ChoiceFile file = Parse(
            """
            {
              "format": "KlingPS gallery choice", "version": 1, "gallery": "0123", "title": "Night", "place": "/shots", "saved": "2026-11-26T08:00:00.000Z",
              "choices": [
                { "key": "t1", "id": 1, "taskId": "t1", "name": "fox.png", "video": "v/fox%20.mp4", "choice": "Picked", "rating": 4, "note": "good", "at": "2026-11-26T07:00:00.000Z" },
                { "key": "t2", "choice": null, "rating": 0, "note": "" },
                { "key": "t3", "choice": "Rejected" }
              ]
            }
            """);

        Assert.Equal("t1 Picked 4 good; t2 None 0; t3 Rejected 0", Show(file));
        Assert.Equal(("/shots", "v/fox%20.mp4", "fox.png"), (file.Place, file.Rows[0].Video, file.Rows[0].Name));
        Assert.Equal(new DateTimeOffset(2026, 11, 26, 8, 0, 0, TimeSpan.Zero), file.Saved);
        Assert.Equal(new DateTimeOffset(2026, 11, 26, 7, 0, 0, TimeSpan.Zero), file.Rows[0].Choice.At);
        Assert.Empty(file.Problems);
    }

    [Theory]
    [InlineData("Key,Choice,Rating,Note\r\nt1,Picked,4,good\r\nt2,,,\r\n", "t1 Picked 4 good; t2 None 0")]
    [InlineData("Key;Choice;Rating;Note\r\nt1;picked;4;\"a; \"\"b\"\"\"\r\n", "t1 Picked 4 a; \"b\"")]
    [InlineData("sep=;\r\nKey;Choice;Rating;Note\r\nt1;P;4;\r\n", "t1 Picked 4")]
    [InlineData("key\tchoice\trating\tnote\nt1\tX\t\tno", "t1 Rejected 0 no")]
    [InlineData("Key,Choice,Note\n\n\nt1,U,'=1+1\nt2,Reject,'quoted'\n", "t1 None 0 =1+1; t2 Rejected 0 'quoted'")]
    [InlineData("Key,Choice,Note\nt1,U,''=1+1\nt2,Reject,'''-\nt3,Reject,''x", "t1 None 0 '=1+1; t2 Rejected 0 ''-; t3 Rejected 0 ''x")]
    [InlineData("TaskId,Rating\nt1,5", "t1 None 5")]
    [InlineData("Key,Choice,Note\nt1,Picked,\"two\nlines\"\nt2,Rejected,", "t1 Picked 0 two\nlines; t2 Rejected 0")]
    public void A_table_is_read_as_spreadsheets_write_it(string text, string expected)
    {
        ChoiceFile file = Parse(text);

        Assert.Equal(expected, Show(file));
        Assert.Empty(file.Problems);
    }

    [Fact]
    public void Of_two_choices_for_one_video_the_later_counts()
        => Assert.Equal(
            "t1 Rejected 0",
            Show(ParseJson("""{"key":"t1","choice":"Rejected","at":"2026-11-26T08:00:00Z"},{"key":"t1","choice":"Picked","at":"2026-11-26T07:00:00Z"}""")));

    [Fact]
    public void That_one_video_was_chosen_twice_is_told_with_both_places()
        => Assert.Equal(
            "Choice 1 (t1) and Choice 2 (t1) of '/choice' say different things about the same video. Choice 2, which is the later one, counts.",
            Assert.Single(ParseJson("""{"key":"t1","choice":"Rejected","at":"2026-11-26T07:00:00Z"},{"key":"t1","choice":"Picked","at":"2026-11-26T08:00:00Z"}""").Doubles));

    [Theory]
    [InlineData("""{"key":"t1","choice":"Picked","at":"2026-11-26T07:00:00Z"},{"key":"t1","choice":"Rejected","at":"2026-11-26T07:00:00Z"}""")]
    [InlineData("""{"key":"t1","choice":"Picked"},{"key":"t1","choice":"Rejected","at":"2026-11-26T07:00:00Z"}""")]
    [InlineData("""{"key":"t1","choice":"Picked","at":"2026-11-26T07:00:00Z"},{"key":"t1","choice":"Rejected"}""")]
    public void Of_two_choices_for_one_video_neither_counts_if_it_is_not_known_which_is_the_later(string choices)
    {
        ChoiceFile file = ParseJson(choices);

        Assert.Empty(file.Rows);
        Assert.Equal("Choice 2 ('t1') of '/choice' was left out: Choice 1 says something else about the same video, and neither counts.", Assert.Single(file.Problems).Message);
    }

    [Fact]
    public void A_line_of_a_table_without_times_was_chosen_when_the_file_was_written_at_the_latest()
    {
        ChoiceFile file = ChoiceFile.Parse("/choice", "Key,Choice\nt1,Picked\nt2,\n", s_written);

        Assert.All(file.Rows, row => Assert.Equal((s_written, null), (row.Choice.At, row.Choice.NotBefore)));
    }

    [Theory]
    [InlineData("Picked,5,good,{stamp}", 8, 8)]
    [InlineData("Rejected,5,good,{stamp}", 10, 8)]
    [InlineData("Picked,4,good,{stamp}", 10, 8)]
    [InlineData("Picked,5,better,{stamp}", 10, 8)]
    [InlineData(",,,{stamp}", 10, 8)]
    [InlineData("Picked,5,good,", 10, null)]
    [InlineData("Picked,5,good,2026-11-26T08:00:00Z", 10, null)]
    [InlineData(",0,,{unchosen}", null, null)]
    [InlineData("Rejected,0,,{unchosen}", 10, 9)]
    public void A_line_of_the_pages_own_table_keeps_its_time_unless_somebody_has_changed_it(string line, int? at, int? notBefore)
    {
        string stamp = $"2026-11-26T08:00:00.000Z {ChoiceStamp.ChecksumOf(new GalleryChoice(Decision.Picked, 5, "good")):x8}";
        string unchosen = $"unchosen 2026-11-26T09:00:00.000Z {ChoiceStamp.ChecksumOf(new GalleryChoice(Decision.None, 0, string.Empty)):x8}";
        string row = line.Replace("{stamp}", stamp, StringComparison.Ordinal).Replace("{unchosen}", unchosen, StringComparison.Ordinal);

        GalleryChoice read = Assert.Single(ChoiceFile.Parse("/choice", $"Key,Choice,Rating,Note,Stamp\nt1,{row}\n", s_written).Rows).Choice;

        Assert.Equal((at, notBefore), (read.At?.Hour, read.NotBefore?.Hour));
    }

    [Fact]
    public void Any_choice_comes_back_by_its_stamp()
        => Gen.Select(Gen.String, Gen.Int[0, 5], Gen.Int[0, 2], Gen.Int[0, 100_000]).Sample((note, rating, decision, second) =>
        {
            DateTimeOffset at = s_written.AddSeconds(-second);
            var choice = new GalleryChoice((Decision)decision, rating, note.Trim(), at) { NotBefore = at.AddSeconds(-(second % 3)), IsDated = true };

            GalleryChoice read = ChoiceStamp.TryRead(ChoiceStamp.Of(choice, s_written)!.ToString())!.Date(choice with { At = null, NotBefore = null, IsDated = false }, s_written);

            Assert.Equal(choice, read);
        });

    [Theory]
    [InlineData("""{"key":"t1","choice":"Rejected","at":"2026-11-26T08:00:00Z","judged":"2026-11-26T07:00:00Z"}""", 7)]
    [InlineData("""{"key":"t1","choice":"Rejected","at":"2026-11-26T08:00:00Z","judged":"2026-11-26T09:00:00Z"}""", 8)]
    [InlineData("""{"key":"t1","choice":"Rejected","at":"2026-11-26T08:00:00Z","judged":"once"}""", 8)]
    public void A_note_that_was_added_later_is_no_later_judgement(string choice, int hour)
    {
        GalleryChoice read = Assert.Single(ParseJson(choice).Rows).Choice;

        Assert.Equal((8, hour), (read.At?.Hour, read.NotBefore?.Hour));
    }

    [Fact]
    public void The_checksum_of_a_line_is_the_one_that_the_page_counts()
        => Assert.Equal(
            ["2988e3ba", "136963d7"],
            (string[])[.. ((GalleryChoice[])[new(Decision.Rejected, 2, "Füchsin\r\n\U0001F98A"), new(Decision.None, 0, string.Empty)]).Select(said => ChoiceStamp.ChecksumOf(said).ToString("x8", System.Globalization.CultureInfo.InvariantCulture))]);

    [Fact]
    public void Of_several_files_the_later_decision_counts_whichever_comes_first()
    {
        ChoiceFile older = ChoiceFile.Parse("/old.json", Json("\"choice\":\"Rejected\",\"at\":\"2026-11-26T10:00:00Z\""));
        ChoiceFile later = ChoiceFile.Parse("/new.json", Json("\"choice\":\"Picked\",\"at\":\"2026-11-26T11:00:00Z\""));
        ChoiceFile same = ChoiceFile.Parse("/same.json", Json("\"choice\":\"Rejected\",\"at\":\"2026-11-26T11:00:00Z\""));
        ChoiceFile unchosen = ChoiceFile.Parse("/unchosen.csv", "Key,Choice\nt1,\n");

        foreach (ChoiceFile[] files in (ChoiceFile[][])[[older, later, unchosen], [unchosen, later, older], [later, older, later, unchosen]])
        {
            IReadOnlyList<ChoiceFile> merged = ChoiceFile.Merge(files);
            Assert.Equal(Decision.Picked, Assert.Single(merged.SelectMany(file => file.Rows).DistinctBy(row => row.Choice)).Choice.Decision);
            Assert.Equal(
                "Choice 1 (t1) of '/old.json' and Choice 1 (t1) of '/new.json' say different things about the same video. What '/new.json' says is later, and counts.",
                Assert.Single(merged.SelectMany(file => file.Doubles)));
        }

        IReadOnlyList<ChoiceFile> doubtful = ChoiceFile.Merge([later, same]);
        Assert.Empty(doubtful.SelectMany(file => file.Rows));
        Assert.Contains("it is not known which is later. Neither counts", Assert.Single(doubtful.SelectMany(file => file.Problems)).Message, StringComparison.Ordinal);
        Assert.Equal("/same.json", Assert.Single(ChoiceFile.Merge([older, same]), file => file.Rows.Count > 0).Path);

        static string Json(string said) => $"{{\"format\":\"{ChoiceFile.Format}\",\"version\":1,\"choices\":[{{\"key\":\"t1\",{said}}}]}}";
    }

    [Fact]
    public void Two_lines_that_say_the_same_are_one()
    {
        ChoiceFile file = Parse("Key,Choice\nt1,Picked\nt1,Picked\n");

        Assert.Equal("t1 Picked 0", Show(file));
        Assert.Empty(file.Problems);
    }

    [Theory]
    [InlineData("t2,Picked,6,", "Line 3 ('t2') of '/choice' was left out: the rating is '6'. It is a whole number from 0 to 5.")]
    [InlineData("t2,Picked,-1,", "the rating is '-1'")]
    [InlineData("t2,Picked,3.5,", "the rating is '3.5'")]
    [InlineData("t2,Picked,many,", "the rating is 'many'")]
    [InlineData("t2,Perhaps,3,", "'Perhaps' is not a choice. It can be Picked, Rejected or empty.")]
    [InlineData(",Picked,3,", "Line 3 of '/choice' was left out: it names no video.")]
    public void A_line_that_cannot_be_is_reported_and_the_others_count(string line, string message)
    {
        ChoiceFile file = Parse($"Key,Choice,Rating,Note\nt1,Picked,4,\n{line}\nt3,Rejected,0,\n");

        Assert.Equal("t1 Picked 4; t3 Rejected 0", Show(file));
        KlingException problem = Assert.Single(file.Problems);
        Assert.Equal(ErrorKind.ChoiceInvalid, problem.Kind);
        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\tKey\tChoice\n\tt1\tPicked\n\tt2\tPerhaps\n", 3)]
    [InlineData("\n \r\n;Key;Choice\r\n;t1;Picked\r\n;t2;Perhaps\r\n", 5)]
    [InlineData("\n\nsep=;\nKey;Choice\nt1;Picked\nt2;Perhaps", 6)]
    public void A_table_may_begin_with_blank_lines_and_a_blank_column_and_its_lines_are_counted_as_they_are(string text, int line)
    {
        ChoiceFile file = Parse(text);

        Assert.Equal("t1 Picked 0", Show(file));
        Assert.StartsWith($"Line {line} ('t2') of", Assert.Single(file.Problems).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Key,Choice,Note,choice \nt1,Picked,,Rejected\n", "choice")]
    [InlineData("Key,Choice,Key\nt1,Picked,t2\n", "Key")]
    public void A_table_with_a_column_twice_is_refused_whole(string text, string column)
    {
        KlingException e = Assert.Throws<KlingException>(() => Parse(text));

        Assert.Equal(ErrorKind.ChoiceInvalid, e.Kind);
        Assert.Equal($"Nothing was read from '/choice': it has the column {column} twice, and it is not known which of them counts.", e.Message);
        Assert.Equal("t1 Picked 0", Show(Parse("Key,,Choice,,Seen by,Seen by\nt1,a,Picked,b,c,d\n")));
    }

    [Fact]
    public void Of_a_video_that_is_chosen_in_two_ways_neither_counts()
    {
        ChoiceFile file = Parse("Key,Name,Choice\nt1,fox.png,Picked\nt2,,Picked\nt1,fox.png,Rejected\nt1,fox.png,Picked\n");

        Assert.Equal("t2 Picked 0", Show(file));
        Assert.Equal("Line 4 ('fox.png') of '/choice' was left out: Line 2 says something else about the same video, and neither counts.", Assert.Single(file.Problems).Message);
    }

    [Theory]
    [InlineData("""{"key":"t2","rating":[5]}""")]
    [InlineData("""{"key":"t2","choice":true}""")]
    [InlineData("""{"choice":"Picked"}""")]
    [InlineData("7")]
    [InlineData("null")]
    public void A_choice_in_JSON_that_cannot_be_is_reported_and_the_others_count(string choice)
    {
        ChoiceFile file = ParseJson($$"""{"key":"t1","choice":"Picked"},{{choice}}""");

        Assert.Equal("t1 Picked 0", Show(file));
        Assert.StartsWith("Choice 2", Assert.Single(file.Problems).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "it is empty")]
    [InlineData("  \n ", "it is empty")]
    [InlineData("{", "it is damaged or cut off (line 1)")]
    [InlineData("""{"format":"KlingPS gallery choice","version":1,"choices":[{"key":"t1",""", "it is damaged or cut off (line 1)")]
    [InlineData("[]", "it is not a choice that a gallery page has saved")]
    [InlineData("""{"format":"something else","choices":[]}""", "it is not a choice")]
    [InlineData("""{"format":"KlingPS gallery choice","version":1}""", "it is not a choice")]
    [InlineData("""{"format":"KlingPS gallery choice","version":2,"choices":[]}""", "newer version of KlingPS")]
    [InlineData("some text", "neither JSON nor a table with the columns Key, Choice, Rating and Note")]
    [InlineData("Name,Choice\nfox,Picked", "neither JSON nor a table")]
    [InlineData("Key,Choice\nt1,\"Picked", "the quotation mark in line 2 has no end")]
    public void What_is_no_choice_or_damaged_is_one_error(string text, string message)
    {
        KlingException error = Assert.Throws<KlingException>(() => Parse(text));

        Assert.Equal(ErrorKind.ChoiceInvalid, error.Kind);
        Assert.StartsWith("Nothing was read from '/choice': ", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("utf-8")]
    [InlineData("utf-16")]
    [InlineData("utf-16BE")]
    public async Task A_mark_of_the_encoding_is_no_part_of_the_text(string encoding)
    {
        var marked = Encoding.GetEncoding(encoding);
        string path = _folder.Write("choice.csv", [.. marked.Preamble, .. marked.GetBytes("Key;Choice;Note\r\nt1;Picked;Füchsin 跑\r\n")]);

        Assert.Equal("t1 Picked 0 Füchsin 跑", Show(await ChoiceFile.ReadAsync(path, Token)));
    }

    [Fact]
    public async Task A_table_in_an_older_encoding_is_refused_because_its_notes_would_be_garbled()
    {
        string path = _folder.Write("choice.csv", Encoding.Latin1.GetBytes("Key,Choice,Note\r\nt1,Picked,Füchsin\r\n"));

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => ChoiceFile.ReadAsync(path, Token));

        Assert.Equal(ErrorKind.ChoiceInvalid, error.Kind);
        Assert.Contains("CSV UTF-8", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_image_in_place_of_a_choice_is_not_told_to_be_saved_as_a_table()
    {
        string path = _folder.Write("choice.csv", [0x89, (byte)'P', (byte)'N', (byte)'G', 0, 0, 0, 13, 0xFF]);

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => ChoiceFile.ReadAsync(path, Token));

        Assert.Equal($"Nothing was read from '{path}': it is not text, so it is not a choice that a gallery page has saved.", error.Message);
    }

    [Fact]
    public async Task A_choice_that_is_not_there_or_no_file_is_one_error()
    {
        Assert.Equal(ErrorKind.PathNotFound, (await Assert.ThrowsAsync<KlingException>(() => ChoiceFile.ReadAsync(_folder.PathOf("none.json"), Token))).Kind);
        Assert.Equal(ErrorKind.FileUnreadable, (await Assert.ThrowsAsync<KlingException>(() => ChoiceFile.ReadAsync(_folder.Root, Token))).Kind);
    }

    [Fact]
    public void Any_note_comes_back_from_a_table()
        => Gen.Select(Gen.String, Gen.Int[0, 2].Select(index => ",;\t"[index])).Sample((note, separator) =>
        {
            // What the page writes: everything in quotation marks, and an apostrophe before what a spreadsheet would compute.
            string text = note.Trim();
            string safe = text.Length > 0 && "=+-@\t\r".Contains(text[0], StringComparison.Ordinal) ? "'" + text : text;
            string[] heading = Table.Split(',');
            string row = string.Join(separator, heading.Select(column => column switch
            {
                "Key" => "\"t1\"",
                "Choice" => "\"Picked\"",
                "Note" => $"\"{safe.Replace("\"", "\"\"", StringComparison.Ordinal)}\"",
                _ => "\"\"",
            }));

            ChoiceRow read = Assert.Single(Parse($"{string.Join(separator, heading)}\r\n{row}\r\n").Rows);

            Assert.Equal(text.StartsWith('\'') && text.Length > 1 && "=+-@\t\r".Contains(text[1], StringComparison.Ordinal) ? text[1..] : text, read.Choice.Note);
        });

    [Fact]
    public void Any_note_comes_back_from_JSON()
        => Gen.String.Sample(note =>
        {
            string text = string.Concat(note.EnumerateRunes().Select(rune => rune.ToString()));

            Assert.Equal(text.Trim(), Assert.Single(ParseJson($$"""{"key":"t1","note":{{JsonSerializer.Serialize(text)}}}""").Rows).Choice.Note);
        });
}
