from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('artifacts', '0002_thinking'),
    ]

    operations = [
        migrations.AddField(
            model_name='section',
            name='answer',
            field=models.CharField(blank=True, default='', max_length=1000),
        ),
        migrations.AddField(
            model_name='section',
            name='answer_after',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='section',
            name='answer_chars',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='section',
            name='answer_event',
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='section',
            name='answer_tokens',
            field=models.PositiveIntegerField(default=0),
        ),
    ]
